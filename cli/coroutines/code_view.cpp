#include "coroutines/code_view.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace tasks::cli {

std::size_t code_view::read(std::uint64_t address, unsigned char* to, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const auto at = address + done;
    const auto within = static_cast<std::size_t>(at % page_size);
    if (pages_.size() >= most_pages && !pages_.contains(at - within)) pages_.clear();
    const auto [known, is_new] = pages_.try_emplace(at - within);
    auto& page = known->second;
    if (is_new) {
      page.bytes.resize(page_size);
      const auto its = code_.read_any(at - within, page.bytes.data(), page_size);
      page.bytes.resize(its.known);
      page.is_constant = its.is_constant;
    }
    if (within >= page.bytes.size()) break;
    const auto here = std::min(size - done, page.bytes.size() - within);
    std::memcpy(to + done, page.bytes.data() + within, here);
    if (!page.is_constant) code_.depends_on(at, to + done, here);
    done += here;
  }
  return done;
}

const machine_instruction* code_view::at(std::uint64_t address) {
  if (instructions_.size() >= most_instructions && !instructions_.contains(address)) instructions_.clear();
  const auto [known, is_new] = instructions_.try_emplace(address);
  if (is_new) {
    std::array<unsigned char, machine_instruction::longest> bytes;
    const auto size = read(address, bytes.data(), bytes.size());
    if (size != 0) known->second = decode_instruction({bytes.data(), size}, address);
  }
  return known->second ? &*known->second : nullptr;
}

std::optional<std::uint64_t> code_view::number_at(std::uint64_t address, std::size_t size) {
  std::uint64_t number = 0;
  std::array<unsigned char, sizeof number> bytes{};
  if (size > bytes.size() || read(address, bytes.data(), size) != size) return std::nullopt;
  std::memcpy(&number, bytes.data(), size);
  return number;
}

}  // namespace tasks::cli
