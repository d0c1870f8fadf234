#include "symbols/executor_tables.hpp"

#include <algorithm>
#include <string_view>

#include "symbols/code_symbols.hpp"

namespace tasks::cli {
namespace {

constexpr std::uint64_t word_size = sizeof(std::uint64_t);

/// By the symbol of the table: of nothing, of one on the heap, of an io_context's.
std::optional<std::uint64_t> used_by(std::string_view symbol) {
  constexpr std::string_view before = "any_executor_base16object_fns_tableI";
  const auto at = symbol.find(before);
  if (at == symbol.npos || !symbol.ends_with("E3fns")) return std::nullopt;
  symbol.remove_prefix(at + before.size());
  if (symbol.starts_with("vE")) return 0;
  if (symbol.starts_with("St10shared_ptrIvEE")) return 2 * word_size;
  // Of Asio's own, in a namespace that was named before: NS_, NS0_, NS1_ …
  if (!symbol.starts_with("NS")) return std::nullopt;
  symbol.remove_prefix(std::min(symbol.find('_'), symbol.size() - 1) + 1);
  // One pointer each: to what is on the heap; to the io_context, with two bits, where there is no allocator.
  for (const std::string_view each : {"22shared_target_executorEE", "10io_context19basic_executor_typeISaIvELm"})
    if (symbol.starts_with(each)) return word_size;
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> executor_tables::room_used(std::uint64_t table) {
  const auto [known, is_new] = known_.try_emplace(table);
  if (is_new && table != 0) {
    const auto symbol = symbol_near(code_, table);
    if (symbol && symbol->begin == table) known->second = used_by(symbol->name);
  }
  return known->second;
}

}  // namespace tasks::cli
