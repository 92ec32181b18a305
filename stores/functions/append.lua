--[[ append: take one request's operations into the journal
  keys[1] STREAM the journal    keys[2] STRING its clock, the last version given (µs)    keys[3] STRING the bell
  keys[4 .. 3+r] HASH an event's register: s last seq, i run id it was made under
  keys[4+r .. 3+r+n] STRING what was answered to an operation before: 16 bytes hash of its body, then version:seq:random
  args[1] format of the entry    args[2] r    then 7 for each of the n operations:
    bytes, not read here · its register, 1..r · 1 if it makes a message, else 0 · seq of the message it names, 0 if none ·
    random bits of its id · 16 bytes hash of its body · ms to remember its answer for
  answers {"OK", ring 0|1, answer, ...}, an answer a operation in their order: {version, seq, random}, of the first time
      if it is a repeat · "CONFLICT" the same key with another body · "BEYOND" it names a seq beyond the event's last
    or {"SEED", key, ...}: seed those registers (or the clock), then call again
  Redis keeps what was written before an error: check all, then write. In Lua 0 is true, and tostring rounds versions. ]]

local REGISTER_MS = 30 * 24 * 3600 * 1000
local BELL_MS = 5000 -- as long as a drain: a ring may wait for one in the queue, and is not to be rung again
local OPERATION_ARGS = 7

local function repeat_of(remembered, hash)
  if string.sub(remembered, 1, 16) ~= hash then return 'CONFLICT' end
  local version, seq, random = string.match(string.sub(remembered, 17), '^(%d+):(%d+):(%d+)$')
  return {tonumber(version), tonumber(seq), tonumber(random)}
end

-- The registers of what is no repeat: a repeat is answered whatever was lost since.
local function needed_by(args, remembered)
  local needed = {}
  for i = 1, (#args - 2) / OPERATION_ARGS do
    if not remembered[i] then needed[tonumber(args[2 + (i - 1) * OPERATION_ARGS + 2])] = true end
  end
  return needed
end

local function registers_of(keys, r, needed)
  local seqs, missing = {}, {}
  for i = 1, r do
    if needed[i] then
      local register = redis.call('HMGET', keys[3 + i], 's', 'i')
      if register[1] and register[2] == run_id() then seqs[i] = tonumber(register[1]) else missing[#missing + 1] = keys[3 + i] end
    end
  end
  return seqs, missing
end

local function array_of(operations)
  local n = #operations
  return string.char(0xdc, math.floor(n / 256), n % 256) .. table.concat(operations)
end

local function append(keys, args)
  local format, r = args[1], tonumber(args[2])
  local n = (#args - 2) / OPERATION_ARGS
  local remembered = redis.call('MGET', unpack(keys, 4 + r, 3 + r + n))
  local needed = needed_by(args, remembered)
  local seqs, missing = registers_of(keys, r, needed)
  local last = redis.call('GET', keys[2])
  if next(needed) and not last then missing[#missing + 1] = keys[2] end
  if #missing > 0 then return {'SEED', unpack(missing)} end

  local now = redis.call('TIME')
  local version = math.max(now[1] * 1000000 + now[2], tonumber(last or 0) + 1)
  local first, answers, taken, taken_seqs, notes, same, grown = version, {}, {}, {}, {}, {}, {}
  for i = 1, n do
    local at = 2 + (i - 1) * OPERATION_ARGS
    local bytes, register, creates, names, random, hash, ttl = unpack(args, at + 1, at + OPERATION_ARGS)
    local key, number = keys[3 + r + i], tonumber(register)
    local before = remembered[i] or same[key]
    if before then
      answers[i] = repeat_of(before, hash)
    elseif tonumber(names) > seqs[number] then
      answers[i] = 'BEYOND'
    else
      local seq = 0
      if creates == '1' then
        seq = seqs[number] + 1
        seqs[number] = seq
        grown[number] = true
      end
      answers[i] = {version, seq, tonumber(random)}
      taken[#taken + 1] = bytes
      taken_seqs[#taken_seqs + 1] = string.format('%.0f', seq)
      same[key] = hash .. string.format('%.0f:%.0f:%s', version, seq, random)
      notes[#notes + 1] = {key, same[key], ttl}
      version = version + 1
    end
  end
  if #taken == 0 then return {'OK', 0, unpack(answers)} end

  redis.call('XADD', keys[1], '*', 'f', format, 'v', string.format('%.0f', first), 's', table.concat(taken_seqs, ','), 'o', array_of(taken))
  redis.call('SET', keys[2], string.format('%.0f', version - 1))
  for i in pairs(grown) do redis.call('HSET', keys[3 + i], 's', string.format('%.0f', seqs[i])) end
  for i = 1, r do redis.call('PEXPIRE', keys[3 + i], REGISTER_MS) end
  for _, note in ipairs(notes) do redis.call('SET', note[1], note[2], 'PX', note[3]) end
  local ring = redis.call('SET', keys[3], '1', 'NX', 'PX', BELL_MS) and 1 or 0
  return {'OK', ring, unpack(answers)}
end

redis.register_function{function_name = named('append'), callback = append}
