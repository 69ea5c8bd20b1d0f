-- Dovecot asks the password service (passdb) and learns where a mailbox lies (userdb). For Dovecot 2.3 and 2.4, Lua >= 5.3.
--
-- May live here: the exchange with the service and the mapping of its answers. May not: any decision of our own.
-- It runs in Dovecot's auth workers, where waiting holds up nobody else. A rendered file sets the table below and then
-- runs this one:
--   schoolserver = { socket = "/run/schoolserver/auth/auth.sock",  -- the password service
--                    uid = 60805, gid = 60805,                     -- owner of all mailboxes
--                    mail = "/srv/schoolserver/mail",              -- a mailbox is mail/LOGIN
--                    timeout = 10,                                 -- seconds for one answer (optional)
--                    lines = 4096,                                 -- bytes that a message may have beyond its limit
--                    largest = "quota_max_mail_size",              -- how this version calls the limit of a message
--                    space = "quota_rule2", bytes = "*:bytes=%d" }  -- and that of all messages, and how it is written
--   dofile("/usr/share/schoolserver/auth.lua")

local unix = require("socket.unix")

local settings = assert(schoolserver, "the table 'schoolserver' is not set")
local timeout = settings.timeout or 10
local connection, last_id = nil, 0

-- JSON, as much of it as one request and one reply need (RFC 8259).

local function quoted(text)
  local escaped = text:gsub('[%c"\\]', function(char) return string.format("\\u%04x", char:byte()) end)
  return '"' .. escaped .. '"'
end

local plain_escapes = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

local function read_string(text, at)
  local parts = {}
  while true do
    local run, stop = text:match('^([^"\\%c]*)()', at)
    parts[#parts + 1] = run
    local char = text:sub(stop, stop)
    if char == '"' then return table.concat(parts), stop + 1 end
    if char ~= "\\" then error("reply: bad string") end
    local kind = text:sub(stop + 1, stop + 1)
    if kind == "u" then
      local code = tonumber(text:match("^%x%x%x%x", stop + 2) or error("reply: bad escape"), 16)
      parts[#parts + 1] = utf8.char(code)
      at = stop + 6
    else
      parts[#parts + 1] = plain_escapes[kind] or error("reply: bad escape")
      at = stop + 2
    end
  end
end

local read_value

local function read_object(text, at)
  local object, empty = {}, text:match("^%s*}()", at)
  if empty then return object, empty end
  while true do
    local start = text:match('^%s*"()', at) or error("reply: no key")
    local key, value, comma
    key, at = read_string(text, start)
    at = text:match("^%s*:()", at) or error("reply: no colon")
    value, at = read_value(text, at)
    object[key] = value
    comma, at = text:match("^%s*([,}])()", at)
    if not comma then error("reply: object not closed") end
    if comma == "}" then return object, at end
  end
end

function read_value(text, at)
  at = text:match("^%s*()", at)
  local char = text:sub(at, at)
  if char == "{" then return read_object(text, at + 1) end
  if char == '"' then return read_string(text, at + 1) end
  for word, value in pairs({ ["true"] = true, ["false"] = false, null = false }) do
    if text:sub(at, at + #word - 1) == word then return value, at + #word end
  end
  local number, stop = text:match("^(%-?%d+%.?%d*[eE]?[+-]?%d*)()", at)
  return tonumber(number) or error("reply: bad value"), stop
end

local function read_reply(line)
  local reply, stop = read_value(line, 1)
  if type(reply) ~= "table" or line:match("^%s*$", stop) == nil then error("reply: not one object") end
  return reply
end

-- The exchange. A connection on which anything went wrong is closed, so that no late answer is taken for the next one.

local function hang_up()
  if connection then connection:close() end
  connection = nil
end

local function exchange(line)
  if not connection then
    local fresh = (type(unix) == "table" and unix.stream or unix)()
    fresh:settimeout(timeout, "t")
    local connected, problem = fresh:connect(settings.socket)
    if not connected then
      fresh:close()
      return nil, problem
    end
    connection = fresh
  end
  connection:settimeout(timeout, "t")
  local sent, problem = connection:send(line)
  if not sent then return nil, problem end
  return connection:receive("*l")
end

local function ask(verb, arguments)
  last_id = last_id + 1
  local line = string.format('{"id":%d,"verb":"%s","arguments":{%s}}\n', last_id, verb, arguments)
  local kept = connection ~= nil
  local answer, problem = exchange(line)
  if not answer then
    hang_up()
    if kept and problem == "closed" then answer = exchange(line) end -- the service was restarted meanwhile
  end
  local fine, reply = pcall(read_reply, answer or "")
  if not fine or reply.id ~= last_id or type(reply.result) ~= "table" then
    if not fine or reply.id ~= last_id then hang_up() end
    return {}
  end
  return reply.result
end

local function address_of(request)
  local address = request.remote_ip or request.rip
  return address and address ~= "" and quoted(address) or "null"
end

-- What Dovecot calls.

function auth_password_verify(request, password)
  if not (utf8.len(request.user) and utf8.len(password)) then
    return dovecot.auth.PASSDB_RESULT_PASSWORD_MISMATCH, {}
  end
  local result = ask("verify", string.format('"service":"mail","login":%s,"password":%s,"address":%s',
    quoted(request.user), quoted(password), address_of(request)))
  if result.answer == "verified" and type(result.login) == "string" then
    return dovecot.auth.PASSDB_RESULT_OK, { user = result.login }
  elseif result.answer == "refused" then
    return dovecot.auth.PASSDB_RESULT_PASSWORD_MISMATCH, {}
  elseif result.answer == "denied" then
    if type(result.code) ~= "string" then return dovecot.auth.PASSDB_RESULT_USER_DISABLED, {} end
    -- Only a sign-in that succeeds but opens nothing ("nologin") lets Dovecot pass the code on to the client.
    local reason = "Not open to this account, code " .. result.code
    return dovecot.auth.PASSDB_RESULT_OK, { user = request.user, nologin = "yes", reason = reason }
  elseif result.answer == "must-change" then
    return dovecot.auth.PASSDB_RESULT_PASS_EXPIRED, {}
  end
  return dovecot.auth.PASSDB_RESULT_INTERNAL_FAILURE, {}
end

-- For GSSAPI, when a ticket was opened: a name is claimed, and "k5principals" says whose ticket it may be. Dovecot goes on
-- after any other answer than "disabled", "expired" and a failure.
function auth_passdb_lookup(request)
  if not utf8.len(request.user) then return dovecot.auth.PASSDB_RESULT_USER_DISABLED, {} end
  local result = ask("ticket", string.format('"service":"mail","login":%s,"address":%s',
    quoted(request.user), address_of(request)))
  local fields = { user = result.login, nopassword = "yes", k5principals = result.principals }
  if result.answer == "verified" then
    return dovecot.auth.PASSDB_RESULT_OK, fields
  elseif result.answer == "denied" and type(result.code) == "string" then
    fields.reason = "Not open to this account, code " .. result.code
  elseif result.answer == "refused" and result.too_soon then
    fields.reason = "The password was changed today; please sign in with it"
  elseif result.answer == "must-change" then
    return dovecot.auth.PASSDB_RESULT_PASS_EXPIRED, {}
  elseif result.answer == "refused" or result.answer == "denied" then
    return dovecot.auth.PASSDB_RESULT_USER_DISABLED, {}
  else
    return dovecot.auth.PASSDB_RESULT_INTERNAL_FAILURE, {}
  end
  fields.nologin = "yes"
  return dovecot.auth.PASSDB_RESULT_OK, fields
end

function auth_userdb_lookup(request)
  local login = request.user
  if not login:match("^[a-z0-9][a-z0-9._-]*$") then
    return dovecot.auth.USERDB_RESULT_USER_UNKNOWN, {}
  end
  if (request.mech or request.mechanism) == "GSSAPI" then
    ask("entered", string.format('"service":"mail","login":%s,"address":%s', quoted(login), address_of(request)))
  end
  local fields = { uid = tostring(settings.uid), gid = tostring(settings.gid), home = settings.mail .. "/" .. login }
  if settings.largest then
    local bounds = ask("mailbox", string.format('"login":%s,"address":%s', quoted(login), address_of(request)))
    if type(bounds.largest) ~= "number" then return dovecot.auth.USERDB_RESULT_INTERNAL_FAILURE, {} end
    fields[settings.largest] = string.format("%d", bounds.largest + settings.lines)
    -- 0 would be no bound there.
    if bounds.space then fields[settings.space] = string.format(settings.bytes, math.max(bounds.space, 1)) end
  end
  return dovecot.auth.USERDB_RESULT_OK, fields
end

function script_init()
  return 0
end

function script_deinit()
  hang_up()
end
