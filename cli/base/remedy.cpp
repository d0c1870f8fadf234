#include "base/remedy.hpp"

#include <algorithm>

namespace tasks::cli {

std::string in_a_line(const std::vector<remedy>& mends) {
  std::vector<std::string> words;
  for (const auto& each : mends)
    if (!each.only_doctor) words.push_back(each.words);
  std::string line;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0) line += i + 1 == words.size() ? ", or " : ", ";
    line += words[i];
  }
  return line;
}

}  // namespace tasks::cli
