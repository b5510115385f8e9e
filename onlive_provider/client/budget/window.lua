-- A sliding window with reserved turns in Redis: what window.py says, in one atomic step, by Redis' clock.
-- KEYS: the state (a hash), the turns (a sorted set: ticket by its turn, in seconds).
-- ARGV: what to do; seconds of the window, its slack, DUE, LOWERING, RECOVERY, LEAST_SHARE; the time, or '' for Redis' own;
--       then what the deed needs.
local state_key, turns_key = KEYS[1], KEYS[2]
local deed = ARGV[1]
local seconds, slack, due = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local lowering, recovery, least_share = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local NEVER = -1e300

local names = {'era', 'count', 'closed_until', 'least', 'least_until', 'share', 'lowered', 'seen', 'ahead'}
local found = redis.call('HMGET', state_key, unpack(names))
local state = {era = 0, count = 0, closed_until = NEVER, least = 0, least_until = NEVER, share = 1, lowered = NEVER,
               seen = NEVER, ahead = 0}
for place, name in ipairs(names) do
  if found[place] then state[name] = tonumber(found[place]) end
end

local now
if ARGV[8] == '' then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1e6 + state.ahead
else
  now = tonumber(ARGV[8]) + state.ahead
end
-- A clock that was set back stands still for this script: turns in its future would hold everybody up.
if now < state.seen then
  state.ahead = state.ahead + state.seen - now
  now = state.seen
end
state.seen = now
if state.era == 0 then state.era = math.floor(now * 1000) end

local function text(number) return string.format('%.17g', number) end

local function get(ticket)
  if ticket < 0 then return NEVER end
  local at = redis.call('ZSCORE', turns_key, text(ticket))
  return at and tonumber(at) or NEVER
end

local function put(ticket, at) redis.call('ZADD', turns_key, text(at), text(ticket)) end

local function share_at(at)
  if state.share >= 1 then return 1 end
  return math.min(1, state.share + recovery * math.max(0, at - state.lowered) / seconds)
end

local function earliest(ticket, at)
  local last, reason = get(ticket - 1), 'used_up'
  at = math.max(at, last, get(ticket - state.least) + seconds)
  local share = share_at(math.max(last, at))
  if share < 1 then
    local spaced = last + seconds / (state.least * share)
    if at < spaced then at, reason = spaced, 'slowed' end
  end
  if at <= state.closed_until then at, reason = state.closed_until, 'closed' end
  return at, reason
end

local function lift(ticket, at)
  while ticket < state.count and get(ticket) < at do
    put(ticket, at)
    ticket = ticket + 1
  end
end

local function remember(limit, at)
  if limit == state.least then state.least_until = math.max(state.least_until, at + seconds) end
end

local function keep()
  local pairs_ = {}
  for _, name in ipairs(names) do
    pairs_[#pairs_ + 1] = name
    pairs_[#pairs_ + 1] = text(state[name])
  end
  redis.call('HSET', state_key, unpack(pairs_))
  redis.call('ZREMRANGEBYSCORE', turns_key, '-inf', '(' .. text(now - seconds))
  local over = math.max(now, get(state.count - 1), state.closed_until) + 20 * seconds
  local left = math.ceil(over - now)
  redis.call('EXPIRE', state_key, left)
  redis.call('EXPIRE', turns_key, left)
end

local function grant(ticket, at, reason)
  keep()
  local wait = at > now + due and at - now or 0
  return {text(wait), reason, text(ticket), text(state.era), text(at), text(state.least),
          text(state.least * share_at(at))}
end

local function take(limit)
  if state.count > 0 and get(state.count - 1) + seconds <= now then
    redis.call('DEL', turns_key)
    state.era, state.count = state.era + 1, 0
  end
  if limit <= state.least or state.least_until <= now then state.least = limit end
  local ticket = state.count
  local at, reason = earliest(ticket, now)
  put(ticket, at)
  state.count = ticket + 1
  remember(limit, at)
  return grant(ticket, at, reason)
end

local function confirm(limit, ticket, era)
  if era ~= state.era or ticket >= state.count then return take(limit) end
  if limit < state.least then state.least = limit end
  local turn = get(ticket)
  local at, reason = earliest(ticket, turn)
  if at <= now + due and now - at > slack then at = now end
  if at > turn then lift(ticket, at) end
  remember(limit, at)
  return grant(ticket, at, reason)
end

if deed == 'take' then
  return take(tonumber(ARGV[9]))
elseif deed == 'confirm' then
  return confirm(tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]))
elseif deed == 'answered' then
  local ticket, era, at = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
  if now - at > slack and era == state.era and ticket < state.count then lift(ticket, now - slack) end
  keep()
elseif deed == 'refused' then
  local at, wait, lower = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11] == '1'
  state.closed_until = math.max(state.closed_until, now + wait)
  if lower and at >= state.lowered then
    state.share = math.max(least_share, 1 / math.max(1, state.least), share_at(now) * lowering)
    state.lowered = state.closed_until
  end
  keep()
elseif deed == 'usage' then
  local limit = tonumber(ARGV[9])
  local used = redis.call('ZCOUNT', turns_key, '(' .. text(now - seconds + slack), text(now))
  local waiting = redis.call('ZCOUNT', turns_key, '(' .. text(now), '+inf')
  local allowed = limit
  if state.least_until > now then allowed = math.min(limit, state.least) end
  return {text(used), text(waiting), text(allowed), text(allowed * share_at(now)),
          text(math.max(0, state.closed_until - now))}
end
return {}
