#include "coroutines/code_bytes.hpp"

#include <elfutils/libdwfl.h>
#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <vector>

#include "symbols/code_cache.hpp"

namespace tasks::cli {

std::size_t code_bytes::read(std::uint64_t address, void* to, std::size_t size) const {
  const auto its = read_any(address, to, size);
  if (!its.is_constant) all_of_files_ = false;
  return its.known;
}

code_bytes::extent code_bytes::read_any(std::uint64_t address, void* to, std::size_t size) const {
  auto* bytes = static_cast<unsigned char*>(to);
  const auto known = memory_.read(address, to, size);
  const bool constant = known == 0 || !all_of_files_ || is_constant(address, bytes, known);
  if (known == size) return {known, constant};
  return {known + read_file(address + known, bytes + known, size - known), constant};
}

bool code_bytes::is_constant(std::uint64_t address, const unsigned char* bytes, std::size_t size) const {
  std::vector<unsigned char> in_file(size);
  // The last page of a segment goes on behind it.
  const auto held = code_.kept_at(address) != nullptr ? read_file(address, in_file.data(), size, true) : 0;
  all_of_files_ = std::equal(bytes, bytes + held, in_file.begin());
  return held != 0;
}

void code_bytes::depends_on(std::uint64_t address, const unsigned char* bytes, std::size_t size) const {
  std::uint64_t word = 0;
  if (size > sizeof word || words_.size() >= most_words) {
    all_of_files_ = false;
    return;
  }
  std::memcpy(&word, bytes, size);
  words_[{address, size}] = word;
}

/// `only_constant`: of what no process may write to.
std::size_t code_bytes::read_file(std::uint64_t address, unsigned char* to, std::size_t size,
                                  bool only_constant) const {
  Dwfl* dwfl = code_.dwfl();
  Dwfl_Module* module = dwfl ? dwfl_addrmodule(dwfl, address) : nullptr;
  if (!module) return 0;
  GElf_Addr bias = 0;
  Elf* elf = dwfl_module_getelf(module, &bias);
  std::size_t parts = 0;
  if (!elf || elf_getphdrnum(elf, &parts) != 0) return 0;
  const auto local = address - bias;
  for (std::size_t i = 0; i < parts; ++i) {
    GElf_Phdr part;
    if (!gelf_getphdr(elf, static_cast<int>(i), &part) || part.p_type != PT_LOAD) continue;
    if (only_constant && (part.p_flags & PF_W) != 0) continue;
    if (local < part.p_vaddr || local - part.p_vaddr >= part.p_filesz) continue;
    const auto within = local - part.p_vaddr;
    const auto here = static_cast<std::size_t>(std::min<std::uint64_t>(size, part.p_filesz - within));
    Elf_Data* data = elf_getdata_rawchunk(elf, static_cast<std::int64_t>(part.p_offset + within), here, ELF_T_BYTE);
    if (!data || !data->d_buf || data->d_size < here) return 0;
    std::memcpy(to, data->d_buf, here);
    return here;
  }
  return 0;
}

bool code_bytes::may_change(std::uint64_t address) const {
  const auto& regions = memory_.regions();
  const auto next = std::upper_bound(regions.begin(), regions.end(), address,
                                     [](std::uint64_t at, const memory_region& each) { return at < each.begin; });
  if (next == regions.begin()) return false;
  const auto& found = *std::prev(next);
  return address < found.end && found.writable;
}

}  // namespace tasks::cli
