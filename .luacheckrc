std = "luajit"
max_line_length = 130
unused_args = false
exclude_files = { "build*", "node_modules", "lua/meta" }
files["spec"] = { std = "+busted" }
files["examples/*/spec"] = { std = "+busted" }
