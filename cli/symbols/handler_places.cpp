#include "symbols/handler_places.hpp"

#include <dwarf.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "symbols/handler_types.hpp"

namespace tasks::cli {
namespace {

std::string_view type_name_of(Dwarf_Die& die) {
  const char* name = ::dwarf_diename(&die);
  return name == nullptr ? std::string_view() : std::string_view(name);
}

std::string_view without_arguments(std::string_view name) { return name.substr(0, name.find('<')); }

template <class Visit>
void each_child(Dwarf_Die& parent, Visit visit) {
  Dwarf_Die child;
  if (::dwarf_child(&parent, &child) != 0) return;
  do {
    if (visit(child)) return;
  } while (::dwarf_siblingof(&child, &child) == 0);
}

/// Of a variable or a template argument, through what only points or names.
std::optional<Dwarf_Die> class_behind(Dwarf_Die& of) {
  constexpr int deepest = 16;
  Dwarf_Die at = of;
  for (int depth = 0; depth < deepest; ++depth) {
    Dwarf_Attribute attribute;
    Dwarf_Die type;
    if (::dwarf_attr_integrate(&at, DW_AT_type, &attribute) == nullptr ||
        ::dwarf_formref_die(&attribute, &type) == nullptr)
      return std::nullopt;
    switch (::dwarf_tag(&type)) {
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
        return type;
      case DW_TAG_pointer_type:
      case DW_TAG_reference_type:
      case DW_TAG_rvalue_reference_type:
      case DW_TAG_const_type:
      case DW_TAG_typedef:
        at = type;
        break;
      default:
        return std::nullopt;
    }
  }
  return std::nullopt;
}

std::vector<Dwarf_Die> arguments_of(Dwarf_Die& type) {
  std::vector<Dwarf_Die> found;
  each_child(type, [&](Dwarf_Die& child) {
    const auto tag = ::dwarf_tag(&child);
    if (tag == DW_TAG_template_type_parameter || tag == DW_TAG_template_value_parameter ||
        tag == DW_TAG_GNU_template_parameter_pack)
      found.push_back(child);
    return false;
  });
  return found;
}

/// The class that a function's variable points to, and that wraps a handler.
std::optional<Dwarf_Die> operation_class(Dwarf_Die& function, int depth) {
  constexpr int deepest = 4;
  std::optional<Dwarf_Die> found;
  each_child(function, [&](Dwarf_Die& child) {
    const auto tag = ::dwarf_tag(&child);
    if (tag == DW_TAG_lexical_block && depth < deepest) found = operation_class(child, depth + 1);
    if (tag == DW_TAG_variable)
      if (auto type = class_behind(child)) {
        const auto count = arguments_of(*type).size();
        if (count != 0 && wrapped_argument(without_arguments(type_name_of(*type)), count)) found = type;
      }
    return found.has_value();
  });
  return found;
}

std::optional<source_line> declared_at(Dwarf_Die& die) {
  int line = 0;
  const char* file = ::dwarf_decl_file(&die);
  if (file == nullptr || ::dwarf_decl_line(&die, &line) != 0 || line <= 0) return std::nullopt;
  return source_line{file, static_cast<unsigned>(line)};
}

}  // namespace

std::optional<source_line> handler_places::of_operation(std::uint64_t function) {
  auto scope = debug_.at(function);
  if (!scope || scope->functions.empty()) return std::nullopt;
  auto type = operation_class(scope->functions.back(), 0);
  constexpr int deepest = 64;
  for (int depth = 0; type && depth < deepest; ++depth) {
    auto arguments = arguments_of(*type);
    const auto handler =
        arguments.empty() ? std::nullopt : wrapped_argument(without_arguments(type_name_of(*type)), arguments.size());
    if (!handler) break;
    type = class_behind(arguments[*handler]);
  }
  if (!type) return std::nullopt;
  std::optional<source_line> called;
  each_child(*type, [&](Dwarf_Die& child) {
    if (::dwarf_tag(&child) == DW_TAG_subprogram && type_name_of(child) == "operator()") called = declared_at(child);
    return called.has_value();
  });
  if (!called) called = declared_at(*type);
  // The standard library's, and Asio's, are nobody's own.
  if (called)
    for (const std::string_view part : {"/include/c++/", "/asio/", "/boost/"})
      if (called->file.find(part) != std::string::npos) return std::nullopt;
  return called;
}

std::optional<source_line> handler_places::of_function(std::uint64_t function) {
  auto scope = debug_.at(function);
  if (!scope || scope->functions.empty()) return std::nullopt;
  return declared_at(scope->functions.back());
}

}  // namespace tasks::cli
