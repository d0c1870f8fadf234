// main() of an executable of several programs: the one whose name it was started by.
#include "program.hpp"

#include <iostream>

namespace leaks {
namespace {

constinit const program* newest = nullptr;

}  // namespace

program::program(std::string_view name, awaitable<void> (*start)(form), claims said)
    : name_(name), start_(start), said_(std::move(said)), next_(newest) {
  newest = this;
}

int program::run_one(int argc, char** argv) {
  std::string_view name = argv[0];
  name.remove_prefix(name.find_last_of('/') + 1);
  for (const auto* each = newest; each != nullptr; each = each->next_)
    if (each->name_ == name) return run(argc, argv, each->start_, each->said_);
  std::cout << "started by the name of one of these:\n";
  for (const auto* each = newest; each != nullptr; each = each->next_) std::cout << each->name_ << '\n';
  return 2;
}

}  // namespace leaks

int main(int argc, char** argv) { return leaks::program::run_one(argc, argv); }
