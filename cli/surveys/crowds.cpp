#include "surveys/crowds.hpp"

#include <fmt/format.h>

#include "target/registry_reader.hpp"

namespace tasks::cli {

bool is_crowd(const target& from) {
  return from.roots() && registry_reader(from.bytes(), *from.roots()).records_used() > most_records;
}

std::string unknown_of_crowds() {
  return fmt::format(
      "which waits are over or never end, and which tasks never rest, was not looked for: it has had more than {} "
      "tasks",
      most_records);
}

}  // namespace tasks::cli
