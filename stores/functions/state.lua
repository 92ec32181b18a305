--[[ state: how the journal is doing
  keys[1] STREAM the journal    keys[2] STRING how many entries vanished unseen    args[1] the group
  answers {entries held, lag, pending, age of the oldest that waits (ms, 0 if none does), vanished, bytes used, bytes allowed} ]]
local function state(keys, args)
  local group = group_of(keys[1], args[1])
  local smallest = redis.call('XPENDING', keys[1], args[1])[2]
  local next_up = redis.call('XRANGE', keys[1], after(group['last-delivered-id']), '+', 'COUNT', 1)[1]
  local oldest = smallest
  if next_up and (not oldest or smaller(next_up[1], oldest)) then oldest = next_up[1] end
  local age = 0
  if oldest then
    local time = redis.call('TIME')
    age = time[1] * 1000 + math.floor(time[2] / 1000) - tonumber(string.match(oldest, '^%d+'))
  end
  local memory = redis.call('INFO', 'memory')
  return {redis.call('XLEN', keys[1]), group['lag'] or 0, group['pending'], math.max(age, 0), tonumber(redis.call('GET', keys[2]) or 0),
    tonumber(string.match(memory, 'used_memory:(%d+)')), tonumber(string.match(memory, 'maxmemory:(%d+)'))}
end

redis.register_function{function_name = named('state'), callback = state, flags = {'no-writes'}}
