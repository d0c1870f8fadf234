#include "hookless/code_bytes.hpp"

#include <elfutils/libdwfl.h>
#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <iterator>

namespace tasks::cli {

std::size_t code_bytes::read(std::uint64_t address, void* to, std::size_t size) const {
  const auto known = memory_.read(address, to, size);
  if (known == size) return size;
  return known + read_file(address + known, static_cast<unsigned char*>(to) + known, size - known);
}

std::size_t code_bytes::read_file(std::uint64_t address, unsigned char* to, std::size_t size) const {
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
