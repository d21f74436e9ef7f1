// Says what a gateway does with a request:
//
//     decide routes.yaml GET cafe.example.com /tea 'X-Version: beta'
//
//     c++ -std=c++17 decide.cpp $(pkg-config --cflags --libs gateway) -o decide
#include <algorithm>
#include <fstream>
#include <gateway.hpp>
#include <iostream>
#include <iterator>

static std::string read_file(const char *name) {
    std::ifstream file(name, std::ios::binary);
    if (!file) throw std::runtime_error(std::string(name) + " cannot be read");
    return {std::istreambuf_iterator<char>(file), {}};
}

int main(int argc, char **argv) try {
    if (argc < 5 || !GW_CHECK_ABI()) {
        std::cerr << "usage: decide FILE METHOD HOST TARGET ['Name: value' ...]\n";
        return 2;
    }
    // Once: documents to a router, and the router into an engine.
    gateway::engine engine(gateway::router::build(read_file(argv[1]), argv[1]));

    // Once for each thread.
    gateway::decider decider;

    // For each request.
    gateway::request request(argv[2], argv[4], argv[3]);
    request.random(gw_mix64(1));
    for (int i = 5; i < argc; i++) {
        std::string_view line(argv[i]);
        const std::size_t colon = line.find(':');
        if (colon == line.npos) throw std::runtime_error("a header has no `:`");
        std::string_view value = line.substr(colon + 1);
        value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
        request.header(line.substr(0, colon), value);
    }
    const gateway::decision decision = decider.decide(engine, request);
    std::cout << "rule    " << decision.route().value_or("none") << '\n';
    if (decision.forwards()) {
        const gateway::forward forward = decider.edit_request(request);
        std::cout << "backend " << decision.backend() << "\ntarget  " << forward.target() << '\n';
        std::cout << "changes " << forward.header().size() << '\n';
    } else {
        const gateway::response response = decider.answer(request);
        std::cout << "status  " << response.status() << '\n';
        if (response.body()) std::cout << "body    " << *response.body() << '\n';
    }
    return 0;
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
}
