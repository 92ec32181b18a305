--[[ What the functions share. A library's locals live as long as the server's process: a run id read once stays true. ]]
local known_run_id

local function run_id()
  if not known_run_id then known_run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') end
  return known_run_id
end
