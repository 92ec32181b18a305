--[[ sweep: note how far the journal is stored, trim what has been on the store's disk for long enough, deliver anew after a loss
  keys[1] STREAM the journal    keys[2] STRING the notes    keys[3] STRING its clock
  args[1] the group    args[2] the consumer that entries wait under    args[3] ms to keep
  args[4] the generations of all CQL nodes, or "" if one of them does not answer
  answers {trimmed, delivered anew 0|1, waiting entries (lag and pending), clock (µs)}

  The floor is the smallest pending id, else last-delivered-id + 1: all before it is stored. It must be computed here, in one
  piece: from two commands it trimmed entries that nobody had seen. `settled` is the same but for entries that wait for a
  verdict: all creates before it are stored. A note counts once it is as old as args[3] and nothing has happened since:
  then it is on disk. Flagged allow-oom, or a full Redis would never free anything. ]]

local function after(id)
  local ms, n = string.match(id, '^(%d+)%-(%d+)$')
  return ms .. '-' .. string.format('%.0f', tonumber(n) + 1)
end

local function smaller(a, b)
  local a_ms, a_n = string.match(a, '^(%d+)%-(%d+)$')
  local b_ms, b_n = string.match(b, '^(%d+)%-(%d+)$')
  if a_ms ~= b_ms then return tonumber(a_ms) < tonumber(b_ms) end
  return tonumber(a_n) < tonumber(b_n)
end

local function pairs_of(reply)
  local result = {}
  for i = 1, #reply, 2 do result[reply[i]] = reply[i + 1] end
  return result
end

local function group_of(journal, name)
  for _, reply in ipairs(redis.call('XINFO', 'GROUPS', journal)) do
    local group = pairs_of(reply)
    if group['name'] == name then return group end
  end
end

local function settled_of(journal, group, parking, floor, delivered)
  local settled = delivered
  for _, reply in ipairs(redis.call('XINFO', 'CONSUMERS', journal, group)) do
    local consumer = pairs_of(reply)
    if consumer['name'] ~= parking and consumer['pending'] > 0 then
      local first = redis.call('XPENDING', journal, group, '-', '+', 1, consumer['name'])
      if first[1] and smaller(first[1][1], settled) then settled = first[1][1] end
    end
  end
  return settled
end

local function forget_idle(journal, group)
  for _, reply in ipairs(redis.call('XINFO', 'CONSUMERS', journal, group)) do
    local consumer = pairs_of(reply)
    if consumer['pending'] == 0 and consumer['idle'] > 3600000 then
      redis.call('XGROUP', 'DELCONSUMER', journal, group, consumer['name'])
    end
  end
end

local function sweep(keys, args)
  local journal, notes_key = keys[1], keys[2]
  local name, parking, keep, generations = args[1], args[2], tonumber(args[3]), args[4]
  local group = group_of(journal, name)
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local clock = redis.call('GET', keys[3])
  local notes = cjson.decode(redis.call('GET', notes_key) or '{"generations":"","settled":"0-0","taken":[]}')
  local anew = 0
  if generations == '' then
    notes = {generations = '', settled = notes.settled, taken = {}}
  elseif generations ~= notes.generations then
    redis.call('XGROUP', 'SETID', journal, name, '0') -- with ENTRIESREAD 0 the lag would count what was trimmed
    notes = {generations = generations, settled = notes.settled, taken = {}}
    anew = 1
    group = group_of(journal, name)
  end

  local trimmed = 0
  local smallest = redis.call('XPENDING', journal, name)[2]
  local delivered = after(group['last-delivered-id'])
  local floor = delivered
  if smallest and smaller(smallest, floor) then floor = smallest end
  if generations ~= '' then
    local settled = settled_of(journal, name, parking, floor, delivered)
    local kept, safe = {}, nil
    for _, note in ipairs(notes.taken) do
      if now - note.at >= keep then safe = note else kept[#kept + 1] = note end
    end
    if safe then
      trimmed = redis.call('XTRIM', journal, 'MINID', safe.floor)
      if smaller(notes.settled, safe.settled) then notes.settled = safe.settled end
      table.insert(kept, 1, safe)
    end
    kept[#kept + 1] = {at = now, floor = floor, settled = settled}
    notes.taken = kept
  end
  redis.call('SET', notes_key, cjson.encode(notes))
  forget_idle(journal, name)
  return {trimmed, anew, (group['lag'] or 0) + group['pending'], tonumber(clock or 0)}
end

redis.register_function{function_name = named('sweep'), callback = sweep, flags = {'allow-oom'}}
