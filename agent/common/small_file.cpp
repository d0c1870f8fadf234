#include "small_file.hpp"

#include <array>
#include <charconv>

#include "descriptor.hpp"

namespace tasks::detail {

std::string read_small_file(const std::string& path) {
  constexpr std::size_t longest = std::size_t{1} << 20;
  std::string text;
  const descriptor file{calls::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::array<char, 4096> piece;
  for (ssize_t got = 0; text.size() < longest && (got = calls::read(file.get(), piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(got));
  return text;
}

std::string read_line_of(const std::string& path) {
  const descriptor file{calls::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  std::array<char, 256> line;
  const auto got = calls::read(file.get(), line.data(), line.size());
  return {line.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::uint64_t parse_number(std::string_view text) noexcept {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace tasks::detail
