#include "names.hpp"

#include <utility>
#include <vector>

#include "demangle.hpp"
#include "library_names.hpp"
#include "type_names.hpp"

namespace tasks::detail {
namespace {

/// As far as the text stays as long as a name may be.
void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    if (text.size() + to.size() > longest_name + from.size()) return;
    text.replace(at, from.size(), to);
  }
}

/// What stands for nothing stays, at most so much of it as a name may have.
std::string demangled(std::string_view symbol) {
  std::string text(symbol.substr(0, longest_name));
  auto name = demangle(text);
  return name ? *std::move(name) : text;
}

/// "void NAME(SIGNATURE::_Zmangled.Frame*)": g++ names a coroutine's body after the frame it gets.
/// SIGNATURE has the parameters as they were written, NAME the namespaces that SIGNATURE may lack.
bool take_coroutine_form(std::string& text) {
  constexpr std::string_view tail = ".Frame*)";
  if (!text.ends_with(tail)) return false;
  const auto symbol = text.rfind("::_Z");
  if (symbol == text.npos) return false;
  // The opening parenthesis that belongs to the last closing one; those in SIGNATURE are balanced.
  std::size_t open = text.npos;
  int depth = 0;
  for (std::size_t i = text.size(); i-- > 0;) {
    if (text[i] == ')') ++depth;
    if (text[i] == '(' && --depth == 0) {
      open = i;
      break;
    }
  }
  if (open == text.npos || open > symbol) return false;
  auto name = text.substr(0, open);
  auto signature = text.substr(open + 1, symbol - open - 1);
  if (name.starts_with("void ")) name.erase(0, 5);
  if (signature.empty()) {
    text = demangled(std::string_view(text).substr(symbol + 2, text.size() - symbol - 2 - tail.size()));
    return true;
  }
  // The namespaces of NAME that SIGNATURE leaves out.
  const auto bare = signature.substr(0, std::min(signature.find_first_of("(<"), signature.size()));
  if (!bare.empty() && name.size() > bare.size() && name.ends_with("::" + bare)) {
    signature.insert(0, name, 0, name.size() - bare.size());
  }
  text = std::move(signature);
  return true;
}

std::size_t matching_open(std::string_view text, std::size_t close, char open_char, char close_char) {
  int depth = 0;
  for (auto i = close + 1; i-- > 0;) {
    if (text[i] == close_char) ++depth;
    if (text[i] == open_char && --depth == 0) return i;
  }
  return text.npos;
}

/// The same within a name, where a closure's type is that of a coroutine:
/// NAME(NAME(SIGNATURE)::_Zmangled.Frame*)::<lambda()>.
void take_inner_coroutine_forms(std::string& text) {
  constexpr std::string_view tail = ".Frame*)";
  for (auto end = text.find(tail); end != text.npos; end = text.find(tail)) {
    const auto close = end + tail.size() - 1;
    const auto open = matching_open(text, close, '(', ')');
    const auto symbol = text.rfind("::_Z", end);
    if (open == text.npos || symbol == text.npos || symbol < open) return;
    const auto parameters = text.find('(', open + 1);
    if (parameters > symbol) return;
    text = text.substr(0, open) + text.substr(parameters, symbol - parameters) + text.substr(close + 1);
  }
}

bool is_word(char c) { return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Likewise.
void replace_word(std::string& text, std::string_view from, std::string_view to) {
  for (auto at = text.find(from); at != text.npos; at = text.find(from, at)) {
    if (text.size() + to.size() > longest_name + from.size()) return;
    const auto end = at + from.size();
    const bool whole = (at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end]));
    if (whole) text.replace(at, from.size(), to);
    at += whole ? to.size() : from.size();
  }
}

/// Takes " [with T = int; U = char]" (g++) or " [T = int, U = char]" (clang) off the end and puts the types in.
void take_template_arguments(std::string& text) {
  if (!text.ends_with(']')) return;
  const auto open = matching_open(text, text.size() - 1, '[', ']');
  if (open == text.npos || open == 0 || text[open - 1] != ' ') return;
  auto list = text.substr(open + 1, text.size() - open - 2);
  text.erase(open - 1);
  const bool gnu = list.starts_with("with ");
  if (gnu) list.erase(0, 5);
  for (const auto& argument : split_arguments(list, gnu ? ';' : ',')) {
    const auto equals = argument.find(" = ");
    if (equals == argument.npos) continue;
    const auto name = argument.substr(0, equals);
    auto value = argument.substr(equals + 3);
    if (value.size() >= 2 && value.front() == '<' && value.back() == '>') {
      replace_all(text, name + "...", value.substr(1, value.size() - 2));
      replace_all(text, ", )", ")");  // a pack of nothing
    } else if (value.size() >= 2 && value.front() == '{' && value.back() == '}') {
      replace_all(text, name + " ...", value.substr(1, value.size() - 2));
    }
    if (!name.empty() &&
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == name.npos) {
      replace_word(text, name, value);
    }
  }
}

/// Lambdas as g++ writes them: <lambda(int)>, without the operator() that the closure's type has.
void unify_lambdas(std::string& text) {
  // clang: (anonymous class)::operator()(int) const
  constexpr std::string_view clang = "(anonymous class)::operator()(";
  for (auto at = text.find(clang); at != text.npos; at = text.find(clang, at)) {
    const auto open = at + clang.size() - 1;
    const auto close = matching_close(text, open);
    if (close == text.npos) break;
    text = text.substr(0, at) + "<lambda" + text.substr(open, close - open + 1) + ">" + text.substr(close + 1);
  }
  replace_all(text, "(anonymous class)", "<lambda>");
  // Demangled: {lambda(int)#1}::operator()(int) const
  for (auto at = text.find("{lambda("); at != text.npos; at = text.find("{lambda(", at)) {
    const auto close = matching_close(text, at + 7);
    const auto brace = close == text.npos ? text.npos : text.find('}', close);
    if (brace == text.npos) break;
    text = text.substr(0, at) + "<lambda" + text.substr(at + 7, close - at - 6) + ">" + text.substr(brace + 1);
  }
  // clang's symbols: $_1::operator()(int) const
  for (auto at = text.find("$_"); at != text.npos; at = text.find("$_", at + 1)) {
    auto end = at + 2;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    constexpr std::string_view called = "::operator()(";
    const bool is_call = text.compare(end, called.size(), called) == 0;
    const auto open = end + called.size() - 1;
    const auto close = is_call ? matching_close(text, open) : end - 1;
    if (close == text.npos) break;
    text = text.substr(0, at) + "<lambda" + (is_call ? text.substr(open, close - open + 1) : "") + ">" +
           text.substr(close + 1);
  }
  constexpr std::string_view call = ">::operator()";
  for (auto at = text.find(call); at != text.npos; at = text.find(call, at + 1)) {
    const auto open = matching_open_angle(text, at);
    if (open == text.npos || text.compare(open, 7, "<lambda") != 0) continue;
    auto end = at + call.size();
    // What follows are template arguments and parameters that <lambda(…)> has already.
    if (end < text.size() && text[end] == '<') {
      const auto close = matching_close(text, end);
      if (close != text.npos) end = close + 1;
    }
    if (end < text.size() && text[end] == '(') {
      const auto close = matching_close(text, end);
      if (close != text.npos) end = close + 1;
    }
    text.erase(at + 1, end - at - 1);
  }
  for (auto at = text.find("auto:"); at != text.npos; at = text.find("auto:", at)) {
    auto end = at + 5;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    text.erase(at + 4, end - at - 4);
    at += 4;
  }
}

/// Hides the brackets in names such as operator< and operator(), so that brackets balance.
void protect_operators(std::string& text) {
  constexpr std::string_view word = "operator";
  for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    auto i = at + word.size();
    if ((at != 0 && is_word(text[at - 1])) || i >= text.size()) continue;
    if (text.compare(i, 2, "()") == 0) {
      text[i] = '\1';
      text[i + 1] = '\2';
      continue;
    }
    for (; i < text.size() && (text[i] == '<' || text[i] == '>' || text[i] == '-' || text[i] == '='); ++i) {
      if (text[i] == '<') text[i] = '\3';
      if (text[i] == '>') text[i] = '\4';
    }
  }
}

void restore_operators(std::string& text) {
  for (auto& c : text) {
    if (c >= '\1' && c <= '\4') c = "()<>"[c - 1];
  }
}

void drop_qualifiers_and_return_type(std::string& text) {
  for (const std::string_view suffix : {" const", " volatile", " noexcept", " &&", " &"}) {
    if (text.ends_with(suffix)) text.erase(text.size() - suffix.size());
  }
  // The name begins after the last space outside all brackets.
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '(' || c == '<' || c == '[' || c == '{') ++depth;
    if (c == ')' || (c == '>' && (i == 0 || text[i - 1] != '-')) || c == ']' || c == '}') --depth;
    if (c == ' ' && depth == 0) begin = i + 1;
  }
  text.erase(0, begin);
  while (!text.empty() && (text.front() == '*' || text.front() == '&')) text.erase(0, 1);
}

bool begins_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  for (const auto prefix : prefixes) {
    if (text.starts_with(prefix)) return true;
  }
  return false;
}

}  // namespace

readable_name make_readable(std::string_view raw) {
  std::string text(raw.substr(0, longest_name));
  if (text.starts_with("_Z")) {
    // A coroutine's parts: .actor and .destroy (g++), .resume, .destroy and .cleanup (clang). Other dots belong to it.
    text = demangled(text);
    if (text.starts_with("_Z") && text.find('.') != text.npos) text = demangled(text.substr(0, text.rfind('.')));
  }
  if (const auto clone = text.find(" [clone "); clone != text.npos) text.erase(clone);
  take_coroutine_form(text);
  take_inner_coroutine_forms(text);
  for (const std::string_view unnamed : {"(anonymous namespace)::", "{anonymous}::", "<unnamed>::"}) {
    replace_all(text, unnamed, "");
  }
  replace_all(text, "[abi:cxx11]", "");
  take_template_arguments(text);
  replace_all(text, ") const::", ")::");
  unify_lambdas(text);
  if (text == "main" || text.starts_with("main::<lambda")) text.insert(4, "()");
  protect_operators(text);
  drop_qualifiers_and_return_type(text);
  readable_name name;
  // What the demangler cannot read has no place where its own name ends; Asio's coroutines are called after their
  // frames.
  name.plumbing = is_plumbing(text) || is_mangled_plumbing(text);
  name.standard = begins_with_any(text, {"std::", "__gnu_cxx::", "__cxx", "__gthread_"});
  text = simplify_types(text);
  restore_operators(text);
  name.text = std::move(text);
  return name;
}

std::string readable_type(std::string_view name) {
  auto text = demangled(name);
  auto shown = make_readable(text).text;
  return shown.empty() ? text : shown;
}

}  // namespace tasks::detail
