-- libgateway for LuaJIT: documents to a router, requests to decisions.
--
--     local gateway = require "gateway"
--     local engine, report = gateway.engine(yaml, "routes.yaml")
--     local decider = gateway.decider(engine)
--     local decision = decider:decide { method = "GET", host = "cafe.example.com", target = "/tea" }
--     if decision.kind == gateway.KIND_FORWARD then print(decider:text "backend") end
--
-- What LuaJIT makes slow is left out: callbacks, and structs that are handed over by value, of which
-- the interface has none. Structs are made once for each decider and used again.
local ffi = require "ffi"
local header = require "gateway_h"

ffi.cdef(header.cdef)

local C = ffi.load(os.getenv "GATEWAY_LIBRARY" or "gateway")
assert(C.gw_abi_version() == header.ABI_VERSION, "libgateway has another interface")

local gateway = setmetatable({}, { __index = header })

local MOST_HEADERS = 100

local function check(status)
  if status < 0 then error("libgateway: status " .. status, 3) end
  return status
end

local function text_of(str)
  if str.ptr ~= nil then return ffi.string(str.ptr, str.len) end
end

local function struct(name)
  local made = ffi.new(name)
  made.struct_size = ffi.sizeof(name)
  return made
end

-- The texts of a report, a line each; frees it.
local function lines_of(report)
  local lines, one = {}, struct "gw_diagnostic"
  for i = 0, tonumber(C.gw_report_count(report)) - 1 do
    check(C.gw_report_get(report, i, one))
    lines[#lines + 1] = text_of(one.text)
  end
  C.gw_report_free(report)
  return lines
end

-- Builds documents and puts them in force: an engine and what is worth knowing, or nil and what is wrong.
function gateway.engine(text, name)
  local source = ffi.new "gw_source[1]"
  source[0].name.ptr, source[0].name.len = name, #name
  source[0].text.ptr, source[0].text.len = text, #text
  local router, report = ffi.new "gw_router *[1]", ffi.new "gw_report *[1]"
  local status = C.gw_router_build(source, 1, nil, router, report)
  local lines = lines_of(report[0])
  if status ~= header.OK then return nil, lines end
  local engine = ffi.new "gw_engine *[1]"
  status = C.gw_engine_new(router[0], engine)
  C.gw_router_free(router[0])
  check(status)
  return ffi.gc(engine[0], C.gw_engine_free), lines
end

local Decider = {}
Decider.__index = Decider

-- Something that decides: one for each thread.
function gateway.decider(engine)
  local decider = ffi.new "gw_decider *[1]"
  check(C.gw_decider_new(0, decider))
  local headers = ffi.new("gw_header[?]", MOST_HEADERS)
  local request = struct "gw_request"
  request.headers = headers
  return setmetatable({
    engine = engine,
    decider = ffi.gc(decider[0], C.gw_decider_free),
    request = request,
    headers = headers,
    decision = struct "gw_decision",
    forward = struct "gw_forward",
    response = struct "gw_response",
  }, Decider)
end

-- Decides on { method =, host =, target =, headers = { { name, value }, ... }, random = }.
function Decider:decide(asked)
  local request = self.request
  request.method.ptr, request.method.len = asked.method, #asked.method
  request.target.ptr, request.target.len = asked.target, #asked.target
  request.host.ptr, request.host.len = asked.host, #asked.host
  local headers = asked.headers or {}
  if #headers > MOST_HEADERS then error("too many headers", 2) end
  for i = 1, #headers do
    local line, name, value = self.headers[i - 1], headers[i][1], headers[i][2]
    line.name.ptr, line.name.len = name, #name
    line.value.ptr, line.value.len = value, #value
  end
  request.headers_len = #headers
  request.random = asked.random or 0
  -- What the struct points to has to live for as long as the decision is asked about.
  self.asked = asked
  check(C.gw_decide(self.decider, self.engine, request, self.decision))
  return self.decision
end

-- A text of the decision, as "backend"; nil where there is none.
function Decider:text(field)
  return text_of(self.decision[field])
end

local function changes(struct)
  local list = {}
  for i = 0, tonumber(struct.ops_len) - 1 do
    local op = struct.ops[i]
    list[#list + 1] = { op = op.op, name = text_of(op.name), value = text_of(op.value) }
  end
  return list
end

-- What the backend is sent: its target, its Host if another, changes to the header.
function Decider:edit_request()
  check(C.gw_edit_request(self.decider, self.request, self.forward))
  return text_of(self.forward.target), text_of(self.forward.host), changes(self.forward)
end

-- The answer where no backend gives it: its status, its header, its body.
function Decider:answer(status)
  check(C.gw_answer(self.decider, self.request, status or 0, nil, self.response))
  return tonumber(self.response.status), changes(self.response), text_of(self.response.body)
end

return gateway
