--[[ seed: make an event's register, or make it good after a loss
  keys[1] HASH the register    args[1] seq, the highest that other stores know    args[2] seconds that Redis must have been up
  answers {"OK", seq it now has} or {"EARLY", seconds to wait}: a write that a lost Redis had handed out may still be on its way
  One made under this run is right and stays as it is. ]]
local function seed(keys, args)
  local register = redis.call('HMGET', keys[1], 's', 'i')
  if register[1] and register[2] == run_id() then return {'OK', tonumber(register[1])} end
  local up = tonumber(string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)'))
  local wait = tonumber(args[2]) - up
  if wait > 0 then return {'EARLY', wait} end
  local seq = math.max(tonumber(register[1] or 0), tonumber(args[1]))
  redis.call('HSET', keys[1], 's', string.format('%.0f', seq), 'i', run_id())
  redis.call('PEXPIRE', keys[1], 30 * 24 * 3600 * 1000)
  return {'OK', seq}
end

redis.register_function{function_name = named('seed'), callback = seed}

--[[ seed_clock: start the journal's clock where it was noted, if it has none
  keys[1] STRING the clock    args[1] version (µs) that it must be past    answers "OK" ]]
local function seed_clock(keys, args)
  redis.call('SET', keys[1], args[1], 'NX')
  return 'OK'
end

redis.register_function{function_name = named('seed_clock'), callback = seed_clock}

--[[ last_seq: what an event's register says
  keys[1] HASH the register    answers {"OK", seq} or {"SEED", key} ]]
local function last_seq(keys)
  local register = redis.call('HMGET', keys[1], 's', 'i')
  if register[1] and register[2] == run_id() then return {'OK', tonumber(register[1])} end
  return {'SEED', keys[1]}
end

redis.register_function{function_name = named('last_seq'), callback = last_seq, flags = {'no-writes'}}
