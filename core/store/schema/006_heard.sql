-- How it is known what was heard of a line of the agent: by an echo of the carrier ('mark'), by the 'clock', or by 'nothing':
-- an echo was due and did not come.
ALTER TABLE transcript ADD COLUMN known_by TEXT;
