// A host that uses what the agent uses, each in its own version and configuration: Boost.Asio, standalone Asio compiled
// separately (ASIO_SEPARATE_COMPILATION), both hooked, and Google's Protobuf. Each line of input makes all three work
// once more; the answer is how often each has.
#include <csignal>
#include <iostream>
#include <string>

#include "host_libraries.hpp"
#include "tasks/v1/agent.pb.h"

namespace {

/// Writes and reads a message of the very type that the agent encodes with its own encoder.
bool protobuf_works() {
  tasks::v1::Task task;
  task.set_id(7);
  (*task.mutable_labels())["user"] = "ann";
  tasks::v1::Task copy;
  return copy.ParseFromString(task.SerializeAsString()) && copy.labels().at("user") == "ann";
}

}  // namespace

int main() {
  const auto standalone = make_standalone_part();
  const auto boost = make_boost_part();
  std::cout << "ready" << std::endl;
  int messages = 0;
  for (std::string line; std::getline(std::cin, line);) {
    messages += protobuf_works();
    const int first = standalone->work();
    const int second = boost->work();
    std::cout << first << ' ' << second << ' ' << messages << std::endl;
  }
}
