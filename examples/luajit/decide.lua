-- Says what a gateway does with a request, and how long that takes to decide:
--
--     luajit decide.lua routes.yaml GET cafe.example.com /tea 'X-Version: beta'
--
-- GATEWAY_LIBRARY is the path of libgateway.so, if it is not installed.
package.path = (arg[0]:match "^(.*/)" or "./") .. "?.lua;" .. package.path
local gateway = require "gateway"

local LOOPS = 200000

if #arg < 4 then
  io.stderr:write "usage: luajit decide.lua FILE METHOD HOST TARGET ['NAME: VALUE'...]\n"
  os.exit(2)
end
local file = assert(io.open(arg[1], "rb"))
local engine, report = gateway.engine(file:read "*a", arg[1])
for _, line in ipairs(report) do io.stderr:write(line, "\n") end
if not engine then os.exit(1) end

local headers = {}
for i = 5, #arg do
  local name, value = arg[i]:match "^([^:]+):%s*(.*)$"
  headers[#headers + 1] = { assert(name, "a header is NAME: VALUE"), value }
end
local request = { method = arg[2], host = arg[3], target = arg[4], headers = headers }

local function show(what, value)
  if value then print(("%-10s %s"):format(what, value)) end
end

local function show_changes(what, list)
  for _, change in ipairs(list) do
    show(what, ("%s: %s"):format(change.name or "all", change.value or "-"))
  end
end

local decider = gateway.decider(engine)
local decision = decider:decide(request)
show("route", decider:text "route_name")
show("reason", decider:text "reason")
if decision.kind == gateway.KIND_FORWARD then
  show("backend", decider:text "backend")
  local target, host, list = decider:edit_request()
  show("target", target)
  show("host", host)
  show_changes("request", list)
else
  local status, list, body = decider:answer()
  show("status", status)
  show_changes("response", list)
  show("body", body)
end

local start, forwarded = os.clock(), 0
for i = 1, LOOPS do
  request.random = i
  decision = decider:decide(request)
  if decision.kind == gateway.KIND_FORWARD then forwarded = forwarded + 1 end
end
show("loop", ("%d of %d forwarded, %.0f ns each"):format(forwarded, LOOPS, (os.clock() - start) / LOOPS * 1e9))
