#include "base/json_syntax.hpp"

#include <algorithm>

namespace tasks::cli {
namespace {

class json_scanner {
 public:
  explicit json_scanner(std::string_view text) : text_(text) {}

  bool is_object() {
    skip_blanks();
    if (text_.empty() || text_.front() != '{' || !value()) return false;
    skip_blanks();
    return text_.empty();
  }

 private:
  static constexpr std::size_t deepest = 200;

  void skip_blanks() { text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size())); }

  bool take(char c) {
    skip_blanks();
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }

  bool string() {
    if (!take('"')) return false;
    for (std::size_t at = 0; at < text_.size(); ++at) {
      if (text_[at] == '\\') {
        ++at;
      } else if (text_[at] == '"') {
        text_.remove_prefix(at + 1);
        return true;
      } else if (static_cast<unsigned char>(text_[at]) < ' ') {
        return false;
      }
    }
    return false;
  }

  bool scalar() {
    for (const std::string_view word : {"true", "false", "null"}) {
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(word.size());
      return true;
    }
    const auto end = std::min(text_.find_first_not_of("+-.eE0123456789"), text_.size());
    text_.remove_prefix(end);
    return end != 0;
  }

  bool members(char end, bool with_keys) {
    if (take(end)) return true;
    do {
      if (with_keys && (!string() || !take(':'))) return false;
      if (!value()) return false;
    } while (take(','));
    return take(end);
  }

  bool value() {
    if (++depth_ > deepest) return false;
    skip_blanks();
    bool is_one = false;
    if (!text_.empty() && text_.front() == '"')
      is_one = string();
    else if (take('{'))
      is_one = members('}', true);
    else if (take('['))
      is_one = members(']', false);
    else
      is_one = scalar();
    --depth_;
    return is_one;
  }

  std::string_view text_;
  std::size_t depth_ = 0;
};

}  // namespace

bool is_json_object(std::string_view text) { return json_scanner(text).is_object(); }

}  // namespace tasks::cli
