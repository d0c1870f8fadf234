#include "picture/descriptor_padding.hpp"

#include <cstdint>
#include <string>
#include <unordered_map>

#include "symbols/code_symbols.hpp"

namespace tasks::cli {

void erase_descriptor_padding(memory_image& image, const heap_map& heap, modules& code) {
  constexpr std::uint64_t size = 168, function = 0x8, value = 0x10, base = 0x28, enabled = 0x58, reactor = 0x60,
                          flags = 0xa0;
  std::unordered_map<std::uint64_t, bool> is_record;  // by function
  heap.each([&](heap_map::object o, range) {
    const auto its = heap.extent(o);
    if (its.end - its.begin != size || heap.is_free(o)) return;
    const auto called = image.word(its.begin + function);
    const auto* area = image.area_of(called);
    if (area == nullptr || area->writable) return;
    const auto [known, is_new] = is_record.try_emplace(called, false);
    if (is_new) {
      const auto symbol = symbol_near(code, called);
      known->second = symbol && symbol->name.find("epoll_reactor16descriptor_state11do_complete") != std::string::npos;
    }
    if (!known->second || heap.find(image.word(its.begin + reactor)) == heap_map::none) return;
    image.erase(its.begin + value, 0xffff'ffff);
    image.erase(its.begin + base);
    image.erase(its.begin + enabled, 0xff);
    image.erase(its.begin + flags, 0xffff'ffff);
  });
}

}  // namespace tasks::cli
