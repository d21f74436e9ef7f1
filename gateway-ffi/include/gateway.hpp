// gateway.hpp: libgateway for C++17, header only. What gateway.h says holds here too: threads,
// lifetimes, costs, duties. Objects free what they own; std::string_view goes both ways, without
// copies; what cannot be used is an exception, what a request comes to never is.
//
//     gateway::router router = gateway::router::build(text, "routes.yaml");  // or config_error
//     gateway::engine engine(router);
//     gateway::decider decider;                        // one for each thread
//
//     gateway::request request("GET", "/tea/green?x=1", "cafe.example.com");
//     request.header("x-version", "beta");
//     gateway::decision decision = decider.decide(engine, request);
//     if (decision.forwards()) {
//         gateway::forward forward = decider.edit_request(request);
//         ... send it to decision.backend() ...
//         gateway::response answer = decider.edit_response(request, status);
//     } else {
//         gateway::response answer = decider.answer(request);
//     }
#ifndef GATEWAY_HPP
#define GATEWAY_HPP

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway.h"

namespace gateway {

// A call that cannot be carried out: a fault of the caller, or of the library.
class error : public std::runtime_error {
   public:
    error(gw_status status, const std::string &what) : std::runtime_error(what), status_(status) {}
    // One of GW_ERR_...
    gw_status status() const noexcept { return status_; }

   private:
    gw_status status_;
};

// Something that is wrong with documents, or worth knowing.
struct diagnostic {
    std::int32_t severity;  // GW_SEVERITY_...
    std::string code, object, field, file, message, help, text;
    std::uint32_t line, column;
};

// Documents that cannot be built: what() has a line for each thing that is wrong.
class config_error : public error {
   public:
    config_error(gw_status status, std::vector<diagnostic> diagnostics, std::string json)
        : error(status, lines(diagnostics)),
          diagnostics_(std::move(diagnostics)),
          json_(std::move(json)) {}
    const std::vector<diagnostic> &diagnostics() const noexcept { return diagnostics_; }
    // As gw_report_json.
    const std::string &json() const noexcept { return json_; }

   private:
    static std::string lines(const std::vector<diagnostic> &diagnostics) {
        std::string all = "the documents cannot be built";
        for (const diagnostic &one : diagnostics) all += "\n" + one.text;
        return all;
    }
    std::vector<diagnostic> diagnostics_;
    std::string json_;
};

namespace detail {

inline gw_str str(std::string_view text) noexcept {
    // An empty view may have no address; then it would be one that is absent.
    return {text.data() != nullptr ? text.data() : "", text.size()};
}

inline std::string_view view(gw_str text) noexcept {
    return text.ptr != nullptr ? std::string_view(text.ptr, text.len) : std::string_view();
}

inline std::optional<std::string_view> maybe(gw_str text) noexcept {
    if (text.ptr == nullptr) return std::nullopt;
    return view(text);
}

// Throws where the status is an error.
inline gw_status check(gw_status status) {
    if (status >= 0) return status;
    throw error(status, "libgateway: status " + std::to_string(status));
}

// A struct of which nothing but the size is set.
template <typename T>
T sized() noexcept {
    T value{};
    value.struct_size = sizeof value;
    return value;
}

template <auto Free>
struct deleter {
    template <typename T>
    void operator()(T *object) const noexcept {
        Free(object);
    }
};

template <typename T, auto Free>
using handle = std::unique_ptr<T, deleter<Free>>;

}  // namespace detail

// How documents are read: gw_build_options. Views must live until the router is built.
class options {
   public:
    gw_build_options raw = detail::sized<gw_build_options>();

    options &flags(std::uint64_t flags) noexcept { return raw.flags = flags, *this; }
    options &duties(std::uint64_t duties) noexcept { return raw.duties = duties, *this; }
    options &http_port(std::uint16_t port) noexcept { return raw.http_port = port, *this; }
    options &https_port(std::uint16_t port) noexcept { return raw.https_port = port, *this; }
    options &default_namespace(std::string_view name) noexcept {
        return raw.default_namespace = detail::str(name), *this;
    }
    options &ingress_class(std::string_view name) noexcept {
        return raw.ingress_class = detail::str(name), *this;
    }
    options &gateway_class(std::string_view name) noexcept {
        return raw.gateway_class = detail::str(name), *this;
    }
};

// A compiled configuration: gw_router.
class router {
   public:
    // Builds documents. Throws config_error; `told`, if given, gets what is said of those that are
    // in force.
    static router build(std::string_view text, std::string_view name = "-",
                        const options &how = options(), std::vector<diagnostic> *told = nullptr) {
        return build(std::vector<std::pair<std::string_view, std::string_view>>{{name, text}}, how, told);
    }

    // Builds documents of several sources: names and texts.
    static router build(const std::vector<std::pair<std::string_view, std::string_view>> &sources,
                        const options &how = options(), std::vector<diagnostic> *told = nullptr) {
        std::vector<gw_source> given;
        for (const auto &[name, text] : sources) given.push_back({detail::str(name), detail::str(text)});
        gw_router *built = nullptr;
        gw_report *raw = nullptr;
        gw_status status = gw_router_build(given.data(), given.size(), &how.raw, &built, &raw);
        detail::handle<gw_report, gw_report_free> report(raw);
        detail::handle<gw_router, gw_router_free> router_(built);
        std::vector<diagnostic> diagnostics = read(report.get());
        if (status != GW_OK) {
            gw_str json{};
            if (report) detail::check(gw_report_json(report.get(), &json));
            throw config_error(status, std::move(diagnostics), std::string(detail::view(json)));
        }
        if (told != nullptr) *told = std::move(diagnostics);
        return router(std::move(router_));
    }

    // The names of the backends that rules may choose. They live as long as the router.
    std::vector<std::string_view> backends() const {
        std::vector<std::string_view> names;
        gw_str name{};
        for (std::size_t i = 0; gw_router_backend(get(), i, &name) == GW_OK; i++) {
            names.push_back(detail::view(name));
        }
        return names;
    }

    // Binds a number of your own to a backend; false where no rule chooses it.
    bool bind(std::string_view backend, std::uint64_t user) {
        gw_str name = detail::str(backend);
        return detail::check(gw_router_bind(get(), &name, user)) == GW_OK;
    }

    // What rules look at.
    gw_needs needs() const {
        auto needs = detail::sized<gw_needs>();
        detail::check(gw_router_needs(get(), &needs));
        return needs;
    }

    // The session whose backend the attribute at `index` of `needs()` names; none where it is no such
    // attribute.
    std::optional<gw_session> session(std::size_t index) const {
        auto session = detail::sized<gw_session>();
        if (detail::check(gw_router_session(get(), index, &session)) == GW_NONE) return std::nullopt;
        return session;
    }

    // What documents say of the endpoints of the backend at `index` of `backends()`; none where there
    // is no such backend.
    std::optional<gw_endpoints> endpoints(std::size_t index) const {
        auto endpoints = detail::sized<gw_endpoints>();
        if (detail::check(gw_router_endpoints(get(), index, &endpoints)) == GW_NONE) return std::nullopt;
        return endpoints;
    }

    // The endpoint at `index` of the backend at `backend`; none where there are no more.
    std::optional<gw_endpoint> endpoint(std::size_t backend, std::size_t index) const {
        auto endpoint = detail::sized<gw_endpoint>();
        if (detail::check(gw_router_endpoint(get(), backend, index, &endpoint)) == GW_NONE) return std::nullopt;
        return endpoint;
    }

    const gw_router *get() const noexcept { return handle_.get(); }

   private:
    explicit router(detail::handle<gw_router, gw_router_free> handle) : handle_(std::move(handle)) {}

    static std::vector<diagnostic> read(const gw_report *report) {
        std::vector<diagnostic> all;
        for (std::size_t i = 0; i < gw_report_count(report); i++) {
            auto one = detail::sized<gw_diagnostic>();
            detail::check(gw_report_get(report, i, &one));
            auto text = [](gw_str text) { return std::string(detail::view(text)); };
            all.push_back({one.severity, text(one.code), text(one.object), text(one.field),
                           text(one.file), text(one.message), text(one.help), text(one.text),
                           one.line, one.column});
        }
        return all;
    }

    detail::handle<gw_router, gw_router_free> handle_;
};

// The router in force: gw_engine.
class engine {
   public:
    explicit engine(const router &first) {
        gw_engine *made = nullptr;
        detail::check(gw_engine_new(first.get(), &made));
        handle_.reset(made);
    }

    // Puts a router in force; says the how manieth it is. Any thread.
    std::uint64_t publish(const router &next) {
        std::uint64_t generation = 0;
        detail::check(gw_engine_publish(handle_.get(), next.get(), &generation));
        return generation;
    }

    const gw_engine *get() const noexcept { return handle_.get(); }

   private:
    detail::handle<gw_engine, gw_engine_free> handle_;
};

// A request: gw_request. Views must live as long as it does.
class request {
   public:
    gw_request raw = detail::sized<gw_request>();

    request(std::string_view method, std::string_view target) {
        raw.method = detail::str(method);
        raw.target = detail::str(target);
    }
    request(std::string_view method, std::string_view target, std::string_view host)
        : request(method, target) {
        raw.host = detail::str(host);
    }

    request &header(std::string_view name, std::string_view value) {
        return headers_.push_back({detail::str(name), detail::str(value)}), *this;
    }
    request &attribute(std::string_view name, std::string_view value) {
        return attributes_.push_back({detail::str(name), detail::str(value)}), *this;
    }
    request &authority(std::string_view authority) {
        return raw.authority = detail::str(authority), *this;
    }
    request &server_name(std::string_view name) {
        return raw.server_name = detail::str(name), *this;
    }
    request &random(std::uint64_t random) { return raw.random = random, *this; }
    request &listener_port(std::uint16_t port) { return raw.listener_port = port, *this; }
    request &tls() { return raw.flags |= GW_REQUEST_TLS, *this; }

    // As the library wants it, until the request is changed.
    const gw_request *get() {
        raw.headers = headers_.data();
        raw.headers_len = headers_.size();
        raw.attributes = attributes_.data();
        raw.attributes_len = attributes_.size();
        return &raw;
    }

   private:
    std::vector<gw_header> headers_, attributes_;
};

// What to do with a request: gw_decision. Views live as long as the decider has decided nothing
// else.
class decision {
   public:
    gw_decision raw = detail::sized<gw_decision>();

    bool forwards() const noexcept { return raw.kind == GW_KIND_FORWARD; }
    std::int32_t kind() const noexcept { return raw.kind; }
    std::uint32_t status() const noexcept { return raw.status; }
    std::uint64_t generation() const noexcept { return raw.generation; }
    std::uint64_t duties() const noexcept { return raw.duties; }
    std::uint64_t unmet() const noexcept { return raw.unmet; }
    std::uint64_t backend_user() const noexcept { return raw.backend_user; }
    // Whether what the backend answers goes to the client as it is.
    bool keeps_answer() const noexcept { return (raw.flags & GW_DECISION_KEEPS_ANSWER) != 0; }
    // Whether the request goes to the backend as it came.
    bool keeps_request() const noexcept { return (raw.flags & GW_DECISION_KEEPS_REQUEST) != 0; }
    // GW_PROTOCOL_...; 0 where no backend is asked.
    std::int32_t protocol() const noexcept { return raw.protocol; }
    std::uint64_t max_body() const noexcept { return raw.max_body; }
    // Empty where no backend is chosen.
    std::string_view backend() const noexcept { return detail::view(raw.backend); }
    std::string_view upstream() const noexcept { return detail::view(raw.upstream); }
    std::optional<std::string_view> split() const noexcept { return detail::maybe(raw.split); }
    std::string_view reason() const noexcept { return detail::view(raw.reason); }
    // "HTTPRoute shop/cart: spec.rules[0]"; none where no rule decided.
    std::optional<std::string> route() const {
        if (raw.route_kind.ptr == nullptr) return std::nullopt;
        std::string text(detail::view(raw.route_kind));
        text += ' ';
        if (raw.route_namespace.len != 0) text.append(detail::view(raw.route_namespace)) += '/';
        text.append(detail::view(raw.route_name));
        if (raw.route_field.len != 0) text.append(": ").append(detail::view(raw.route_field));
        return text;
    }
};

// A list of changes to a header; for (const gw_header_op &op : changes).
class changes {
   public:
    changes(const gw_header_op *ops, std::size_t len) noexcept : ops_(ops), len_(len) {}
    const gw_header_op *begin() const noexcept { return ops_; }
    const gw_header_op *end() const noexcept { return ops_ + len_; }
    std::size_t size() const noexcept { return len_; }

   private:
    const gw_header_op *ops_;
    std::size_t len_;
};

// What a backend is sent: gw_forward. Lives until the next edit_request of the decider.
class forward {
   public:
    gw_forward raw = detail::sized<gw_forward>();

    std::string_view target() const noexcept { return detail::view(raw.target); }
    // None: as the client sent it.
    std::optional<std::string_view> host() const noexcept { return detail::maybe(raw.host); }
    changes header() const noexcept { return {raw.ops, raw.ops_len}; }
};

// What a client is answered: gw_response. Lives until the next answer or edit_response of the
// decider.
class response {
   public:
    gw_response raw = detail::sized<gw_response>();

    std::uint32_t status() const noexcept { return raw.status; }
    // Whether this is all of it, and nothing of a backend's answer is kept.
    bool is_whole() const noexcept { return (raw.flags & GW_RESPONSE_WHOLE) != 0; }
    changes header() const noexcept { return {raw.ops, raw.ops_len}; }
    // None: nothing is said of it.
    std::optional<std::string_view> body() const noexcept { return detail::maybe(raw.body); }
};

// Decides: gw_decider. For one thread at a time.
class decider {
   public:
    // `duties`: what is done here where a decision asks for it, GW_DUTY_...
    explicit decider(std::uint64_t duties = 0) {
        gw_decider *made = nullptr;
        detail::check(gw_decider_new(duties, &made));
        handle_.reset(made);
    }

    decision decide(const engine &engine, request &request) {
        decision made;
        detail::check(gw_decide(get(), engine.get(), request.get(), &made.raw));
        return made;
    }

    // Decides anew (GW_INSTEAD_...); none where nothing stands in.
    std::optional<decision> instead(request &request, std::int32_t which) {
        decision made;
        if (detail::check(gw_instead(get(), request.get(), which, &made.raw)) == GW_NONE) return std::nullopt;
        return made;
    }

    forward edit_request(request &request) {
        forward sent;
        detail::check(gw_edit_request(get(), request.get(), &sent.raw));
        return sent;
    }

    response edit_response(request &request, std::uint32_t status, std::string_view upstream_status = {}) {
        response answer;
        gw_str upstream = detail::str(upstream_status);
        detail::check(gw_edit_response(get(), request.get(), status, &upstream, &answer.raw));
        return answer;
    }

    response answer(request &request, std::uint32_t status = 0, std::string_view upstream_status = {}) {
        response answer;
        gw_str upstream = detail::str(upstream_status);
        detail::check(gw_answer(get(), request.get(), status, &upstream, &answer.raw));
        return answer;
    }

    // The step at `index`; none where there are no more.
    std::optional<gw_step> step(std::size_t index) {
        auto step = detail::sized<gw_step>();
        if (detail::check(gw_step_get(get(), index, &step)) == GW_NONE) return std::nullopt;
        return step;
    }

    // What the step at `index` needs; none where it is of another duty. Views live until the next
    // call of the same function.
    std::optional<gw_basic_auth> basic_auth(request &request, std::size_t index) {
        return duty<gw_basic_auth>(gw_step_basic_auth, request, index);
    }
    std::optional<gw_jwt> jwt(request &request, std::size_t index) {
        return duty<gw_jwt>(gw_step_jwt, request, index);
    }
    std::optional<gw_external_auth> external_auth(request &request, std::size_t index) {
        return duty<gw_external_auth>(gw_step_external_auth, request, index);
    }
    std::optional<gw_auth_check> auth_check(request &request, std::size_t index) {
        return duty<gw_auth_check>(gw_step_auth_check, request, index);
    }
    std::optional<gw_cache> cache(request &request, std::size_t index) {
        return duty<gw_cache>(gw_step_cache, request, index);
    }
    std::optional<gw_client_certificate> client_certificate(std::size_t index) {
        auto told = detail::sized<gw_client_certificate>();
        if (detail::check(gw_step_client_certificate(get(), index, &told)) == GW_NONE) return std::nullopt;
        return told;
    }

    // The client whose API key the request presents at the step at `index`; none: it does not pass.
    std::optional<std::string_view> api_client(std::size_t index) {
        gw_str client{};
        if (detail::check(gw_step_api_client(get(), index, &client)) == GW_NONE) return std::nullopt;
        return detail::view(client);
    }

    // TLS with the service that the step at `index` asks; none where it asks none, or without TLS.
    std::optional<gw_backend_tls> step_tls(std::size_t index) {
        auto tls = detail::sized<gw_backend_tls>();
        if (detail::check(gw_step_tls(get(), index, &tls)) == GW_NONE) return std::nullopt;
        return tls;
    }

    // The copy at `index`; none where there are no more.
    std::optional<gw_mirror> mirror(request &request, std::size_t index) {
        auto mirror = detail::sized<gw_mirror>();
        if (detail::check(gw_mirror_get(get(), request.get(), index, &mirror)) == GW_NONE) return std::nullopt;
        return mirror;
    }

    gw_settings settings() {
        auto settings = detail::sized<gw_settings>();
        detail::check(gw_decider_settings(get(), &settings));
        return settings;
    }

    // None where TLS is not spoken with the backend.
    std::optional<gw_backend_tls> backend_tls() {
        auto tls = detail::sized<gw_backend_tls>();
        if (detail::check(gw_decider_backend_tls(get(), &tls)) == GW_NONE) return std::nullopt;
        return tls;
    }

    // How the client is kept where it was sent first; none where it is not.
    std::optional<gw_session> session() {
        auto session = detail::sized<gw_session>();
        if (detail::check(gw_decider_session(get(), &session)) == GW_NONE) return std::nullopt;
        return session;
    }

    // Whether an endpoint with that service account may be sent the request.
    bool admits(request &request, std::string_view account) {
        std::int32_t admitted = 0;
        gw_str name = detail::str(account);
        detail::check(gw_admits(get(), request.get(), &name, &admitted));
        return admitted == 1;
    }

    // Whether an endpoint that documents list may be sent the request.
    bool admits(request &request, std::string_view address, std::uint16_t port) {
        std::int32_t admitted = 0;
        gw_str text = detail::str(address);
        detail::check(gw_admits_endpoint(get(), request.get(), &text, port, &admitted));
        return admitted == 1;
    }

    // Decides and says why, as JSON. Lives until the next call.
    std::string_view explain(const engine &engine, request &request) {
        gw_str json{};
        detail::check(gw_explain(get(), engine.get(), request.get(), &json));
        return detail::view(json);
    }

    void reset() noexcept { gw_decider_reset(get()); }

    gw_decider *get() noexcept { return handle_.get(); }

   private:
    template <typename Told>
    std::optional<Told> duty(gw_status (*ask)(gw_decider *, const gw_request *, std::size_t, Told *),
                             request &request, std::size_t index) {
        auto told = detail::sized<Told>();
        if (detail::check(ask(get(), request.get(), index, &told)) == GW_NONE) return std::nullopt;
        return told;
    }

    detail::handle<gw_decider, gw_decider_free> handle_;
};

}  // namespace gateway

#endif
