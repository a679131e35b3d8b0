-- The line of waiting jobs. One call is one change of it, and nothing else writes these keys.
-- jobs/line.py says what the order is and why; jobs/keys.py lists the keys.
--
-- KEYS  line, sums, clock, in hand, held, paused
-- ARGV  the operation, the prefix of the queue's keys, what the operation takes
--
-- A job waits in line or, while its server is paused, among the held. Its number is its score there.
-- A job's score in the line is a whole number below 2^53, and no two jobs have the same:
--   taken back           the count of joins
--   moved to the front   2^32 + the count
--   in the fair order    2^33 + tag (37 bits) and count (16 bits), the tag in STEPs of work
-- The sums are a tree over these numbers: a node holds the work of all jobs whose scores agree in
-- all but their last digits. The work before a score is then a few nodes on each level.

-- Redis 6.2 would write the script itself into its file, later versions always what it changed.
if redis.replicate_commands then
  redis.replicate_commands()
end

local line, sums, clock, in_hand, held, paused = unpack(KEYS)
local operation, prefix = ARGV[1], ARGV[2]

local MOVED, FAIR = 2 ^ 32, 2 ^ 33
local COUNTS = 2 ^ 16
-- Eight thousand million megapixel-steps: from there on the line would be first come, first served.
local LAST = 2 ^ 37 - 2 ^ 18
local STEP = 16
local RADIX, LEVELS = 32, 10
-- Held jobs keep their order in their member's list, below every tag: nothing counts from them.
local BELOW = -2 ^ 53
local EVERY_GUILD = 'all'
-- Jobs that one look at the front reads at once.
local BATCH = 32

local function job_key(id)
  return prefix .. 'job:' .. id
end

local function member_key(member)
  return prefix .. 'member:' .. member .. ':waiting'
end

local function guild_key(guild)
  return prefix .. 'guild:' .. guild .. ':waiting'
end

local function exact(number)
  return string.format('%.17g', number)
end

local function node(level, number)
  return string.format('%d:%.0f', level, number)
end

local function add_work(score, work)
  if work == 0 then
    return -- of a job whose record is lost; -0 would be no number to Redis
  end
  for level = 1, LEVELS do
    local field = node(level, math.floor(score / RADIX ^ level))
    if redis.call('HINCRBY', sums, field, work) == 0 then
      redis.call('HDEL', sums, field)
    end
  end
end

local function work_before(score)
  local total, fields = 0, {}
  for level = 1, LEVELS do
    local own = math.floor(score / RADIX ^ level)
    for number = own - own % RADIX, own - 1 do
      fields[#fields + 1] = node(level, number)
    end
  end
  if #fields > 0 then
    for _, work in ipairs(redis.call('HMGET', sums, unpack(fields))) do
      total = total + (tonumber(work) or 0)
    end
  end
  -- The last digit has no nodes: there are at most RADIX - 1 jobs to look at.
  local near = redis.call('ZRANGEBYSCORE', line, score - score % RADIX, '(' .. exact(score))
  for _, id in ipairs(near) do
    total = total + (tonumber(redis.call('HGET', job_key(id), 'work')) or 0)
  end
  return total
end

local function now()
  return tonumber(redis.call('HGET', clock, 'now')) or 0
end

local function fair_score(tag, count)
  return FAIR + math.min(math.floor(tag / STEP), LAST) * COUNTS + count % COUNTS
end

local function place(id, score, work)
  redis.call('ZADD', line, score, id)
  add_work(score, work)
end

-- Take a job's number out of the line; its member's list is left as it is.
local function displace(id, score, work)
  redis.call('ZREM', line, id)
  add_work(score, -work)
end

-- Number a job and put it where its kind stands: taken back, moved to the front, or in fair order.
local function enter(id, member, work, span, first)
  local count = redis.call('HINCRBY', clock, 'count', 1)
  local tag, score = now(), first + count
  if first == FAIR then
    local last = redis.call('ZREVRANGE', member_key(member), 0, 0, 'WITHSCORES')
    tag = math.max(tag, tonumber(last[2]) or 0) + span
    score = fair_score(tag, count)
  end
  redis.call('ZADD', member_key(member), tag, id)
  place(id, score, work)
end

local function hold(id, member, score)
  redis.call('ZADD', held, score, id)
  redis.call('ZADD', member_key(member), BELOW + score, id)
end

-- Move up what a member submitted after a job that they will not have.
local function refund(member, tag, span)
  local later = redis.call('ZRANGEBYSCORE', member_key(member), '(' .. tag, '+inf', 'WITHSCORES')
  for index = 1, #later, 2 do
    local id, moved = later[index], tonumber(later[index + 1]) - span
    redis.call('ZADD', member_key(member), moved, id)
    local score = tonumber(redis.call('ZSCORE', line, id))
    if score and score >= FAIR then
      local work = tonumber(redis.call('HGET', job_key(id), 'work'))
      displace(id, score, work)
      place(id, fair_score(moved, (score - FAIR) % COUNTS), work)
    end
  end
end

local function tidy()
  if redis.call('EXISTS', line, held) == 0 then
    redis.call('DEL', sums, clock)
  end
end

-- Take a job out of the line, or from the held; gives its score and its tag.
local function leave(id)
  local score = tonumber(redis.call('ZSCORE', line, id))
  local is_held = not score and redis.call('ZREM', held, id) == 1
  if not score and not is_held then
    return nil
  end
  local job = redis.call('HMGET', job_key(id), 'member', 'work', 'guild')
  if score then
    displace(id, score, tonumber(job[2]) or 0)
  end
  if job[3] then
    redis.call('SREM', guild_key(job[3]), id)
  end
  local tag
  if job[1] then
    tag = redis.call('ZSCORE', member_key(job[1]), id)
    redis.call('ZREM', member_key(job[1]), id)
  end
  return score or 0, not is_held and tag
end

-- How many jobs of each member in each server are drawn now.
local function running()
  local counts = {}
  for _, id in ipairs(redis.call('ZRANGE', in_hand, 0, -1)) do
    local job = redis.call('HMGET', job_key(id), 'state', 'member', 'guild')
    if job[1] == 'running' and job[2] and job[3] then
      local whose = job[3] .. ':' .. job[2]
      counts[whose] = (counts[whose] or 0) + 1
    end
  end
  return counts
end

-- The first job that may begin, and that a worker of this kind can draw. The others keep their
-- places; the walk is as long as there are such jobs before it.
local function choose(max_pixels, assist, model)
  local counts, from = running(), 0
  while true do
    local ids = redis.call('ZRANGE', line, from, from + BATCH - 1)
    for _, id in ipairs(ids) do
      local job = redis.call('HMGET', job_key(id), 'most_running', 'guild', 'member', 'pixels',
        'assist', 'model')
      local whose = (job[2] or '') .. ':' .. (job[3] or '')
      local may_begin = not job[1] or (counts[whose] or 0) < tonumber(job[1])
      local can = (max_pixels == '' or (tonumber(job[4]) or 0) <= tonumber(max_pixels))
        and (assist == '1' or not job[5])
        and (model == '' or not job[6] or job[6] == model)
      if may_begin and can then
        return id
      end
    end
    if #ids < BATCH then
      return nil
    end
    from = from + BATCH
  end
end

local operations = {}

-- id, member, work, span, 1 if it was taken back, server, pixels, 1 if it needs a language model,
-- its model or '', most of its member's jobs there that may be drawn at once or ''
function operations.join(id, member, work, span, is_back, guild, pixels, assist, model, most)
  redis.call('HSET', job_key(id), 'member', member, 'work', work, 'span', span, 'guild', guild,
    'pixels', pixels)
  for field, value in pairs({ assist = assist, model = model, most_running = most }) do
    if value ~= '' then
      redis.call('HSET', job_key(id), field, value)
    end
  end
  redis.call('SADD', guild_key(guild), id)
  local first = is_back == '1' and 0 or FAIR
  if redis.call('SISMEMBER', paused, guild) == 1 then
    local count = redis.call('HINCRBY', clock, 'count', 1)
    local last = tonumber(redis.call('ZREVRANGE', held, 0, 0, 'WITHSCORES')[2]) or FAIR
    -- Behind all that are held: what it costs counts when it stands in line.
    hold(id, member, first == FAIR and math.max(FAIR, last) + 1 or count)
  else
    enter(id, member, tonumber(work), tonumber(span), first)
  end
end

-- The same for a job that waits without being in line.
function operations.adopt(id, ...)
  local is_waiting = redis.call('HGET', job_key(id), 'state') == 'waiting'
  local stands = redis.call('ZSCORE', line, id) or redis.call('ZSCORE', held, id)
  if not is_waiting or stands then
    return 0
  end
  operations.join(id, ...)
  return 1
end

-- id: it will not be drawn
function operations.leave(id)
  local score, tag = leave(id)
  if tag and score >= MOVED then
    local job = redis.call('HMGET', job_key(id), 'member', 'span')
    refund(job[1], tag, tonumber(job[2]) or 0)
  end
  tidy()
  return score and 1 or 0
end

-- id: put it before all but those that were taken back or moved before
function operations.move(id)
  local score = tonumber(redis.call('ZSCORE', line, id))
  if not score then
    local member = redis.call('ZSCORE', held, id) and redis.call('HGET', job_key(id), 'member')
    if not member then
      return 0
    end
    hold(id, member, MOVED + redis.call('HINCRBY', clock, 'count', 1))
    return 1
  end
  if score >= FAIR then
    local work = tonumber(redis.call('HGET', job_key(id), 'work'))
    displace(id, score, work)
    place(id, MOVED + redis.call('HINCRBY', clock, 'count', 1), work)
  end
  return 1
end

-- Hold and release jobs as their servers are paused or not, at most so many; gives how many moved.
function operations.sort_out(most)
  local moved = 0
  most = tonumber(most)
  for _, guild in ipairs(redis.call('SMEMBERS', paused)) do
    for _, id in ipairs(redis.call('SMEMBERS', guild_key(guild))) do
      local score = moved < most and tonumber(redis.call('ZSCORE', line, id))
      if score then
        local job = redis.call('HMGET', job_key(id), 'member', 'work')
        displace(id, score, tonumber(job[2]) or 0)
        hold(id, job[1], score)
        moved = moved + 1
      end
    end
  end
  local ids = redis.call('ZRANGE', held, 0, -1, 'WITHSCORES')
  for index = 1, #ids, 2 do
    local id, score = ids[index], tonumber(ids[index + 1])
    local job = redis.call('HMGET', job_key(id), 'guild', 'member', 'work', 'span')
    local is_open = job[1] and redis.call('SISMEMBER', paused, job[1]) == 0
    if is_open and moved < most then
      redis.call('ZREM', held, id)
      redis.call('ZREM', member_key(job[2]), id)
      -- In the order of before, from the clock on: a server that comes back does not go first.
      local first = score >= FAIR and FAIR or score >= MOVED and MOVED or 0
      enter(id, job[2], tonumber(job[3]), tonumber(job[4]), first)
      moved = moved + 1
    end
  end
  tidy()
  return moved
end

-- ticket, time, seconds of a lease, seconds to remember the ticket, and what the worker can draw
-- (pixels or '', 1 with a language model, its model or ''): the first job for it begins
function operations.take(ticket, time, lease, memory, max_pixels, assist, model)
  local ticket_key = prefix .. 'ticket:' .. ticket
  local function renew(id, attempt)
    redis.call('SET', job_key(id) .. ':lease:' .. attempt, 1, 'EX', lease)
    return { id, attempt }
  end
  -- A ticket takes one job, however often it is asked because an answer got lost.
  local held = redis.call('HMGET', ticket_key, 'job', 'attempt')
  if held[1] then
    local job = redis.call('HMGET', job_key(held[1]), 'state', 'attempt')
    if job[1] == 'running' and job[2] == held[2] then
      return renew(held[1], held[2])
    end
  end
  while true do
    local is_stopped = redis.call('SISMEMBER', paused, EVERY_GUILD) == 1
    local id = not is_stopped and choose(max_pixels, assist, model)
    if not id then
      return false
    end
    local score, tag = leave(id)
    if tag and score >= FAIR then
      redis.call('HSET', clock, 'now', exact(math.max(now(), tonumber(tag))))
    end
    tidy()
    local job = redis.call('HMGET', job_key(id), 'state', 'attempt')
    if job[1] == 'waiting' then
      redis.call('HSET', job_key(id), 'state', 'running', 'started_at', time, 'step', 0,
        'ticket', ticket)
      redis.call('ZADD', in_hand, time, id)
      redis.call('HSET', ticket_key, 'job', id, 'attempt', job[2])
      redis.call('EXPIRE', ticket_key, memory)
      return renew(id, job[2])
    end
  end
end

-- member, server: jobs of the member there that wait and that are drawn, of the server, of all
function operations.usage(member, guild)
  local waiting = 0
  for _, id in ipairs(redis.call('ZRANGE', member_key(member), 0, -1)) do
    if redis.call('HGET', job_key(id), 'guild') == guild then
      waiting = waiting + 1
    end
  end
  return {
    waiting,
    running()[guild .. ':' .. member] or 0,
    redis.call('SCARD', guild_key(guild)),
    redis.call('ZCARD', line) + redis.call('ZCARD', held),
  }
end

-- id: its rank, the work before it, its own work
function operations.ahead(id)
  local score = tonumber(redis.call('ZSCORE', line, id))
  if not score then
    return false
  end
  local work = tonumber(redis.call('HGET', job_key(id), 'work')) or 0
  return { redis.call('ZRANK', line, id), work_before(score), work }
end

-- how many jobs are drawn now, and the work that is left of them
function operations.drawing()
  local jobs, left = 0, 0
  for _, id in ipairs(redis.call('ZRANGE', in_hand, 0, -1)) do
    local job = redis.call('HMGET', job_key(id), 'state', 'work', 'step', 'total')
    if job[1] == 'running' then
      local work, step, total = tonumber(job[2]) or 0, tonumber(job[3]) or 0, tonumber(job[4]) or 0
      jobs = jobs + 1
      left = left + (total > 0 and work * math.max(0, 1 - step / total) or work)
    end
  end
  return { jobs, left }
end

return operations[operation](unpack(ARGV, 3))
