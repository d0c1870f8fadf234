#pragma once

/// What libFuzzer gives to a target, as a process's memory.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string_view>
#include <vector>

#include "input.hpp"
#include "linux/memory.hpp"

namespace tasks::fuzz {

/// Memory of a process that is nobody's:
///
///   {offset : 4} {size : 2} bytes …   of one region; zeros where nothing is said, and nothing outside
class memory final : public cli::memory {
 public:
  memory(std::uint64_t begin, std::uint64_t bytes, input& from, bool is_still) : still_(is_still) {
    cli::memory_region region;
    region.begin = begin;
    region.end = begin + bytes;
    region.readable = region.writable = true;
    regions_.push_back(region);
    while (!from.empty()) {
      const auto offset = from.number<std::uint32_t>() % bytes;
      const auto part = from.bytes(from.number<std::uint16_t>());
      put(offset, part.substr(0, bytes - offset));
    }
  }

  std::size_t read(std::uint64_t address, void* to, std::size_t size) const override {
    const auto& region = regions_.front();
    if (address < region.begin || address >= region.end) return 0;
    const auto got = std::min<std::uint64_t>(size, region.end - address);
    auto* place = static_cast<char*>(to);
    for (std::uint64_t done = 0; done < got;) {
      const auto at = address - region.begin + done;
      const auto part = std::min(got - done, cli::page_size - at % cli::page_size);
      if (const auto page = pages_.find(at / cli::page_size); page != pages_.end()) {
        std::memcpy(place + done, page->second.data() + at % cli::page_size, part);
      } else {
        std::memset(place + done, 0, part);
      }
      done += part;
    }
    return got;
  }
  [[nodiscard]] const std::vector<cli::memory_region>& regions() const override { return regions_; }
  [[nodiscard]] bool is_still() const noexcept override { return still_; }
  [[nodiscard]] int last_error() const noexcept override { return 0; }

 private:
  void put(std::uint64_t at, std::string_view part) {
    while (!part.empty()) {
      auto& page = pages_[at / cli::page_size];
      page.resize(cli::page_size);
      const auto some = part.substr(0, cli::page_size - at % cli::page_size);
      std::memcpy(page.data() + at % cli::page_size, some.data(), some.size());
      part.remove_prefix(some.size());
      at += some.size();
    }
  }

  std::vector<cli::memory_region> regions_;
  std::map<std::uint64_t, std::vector<char>> pages_;
  bool still_;
};

}  // namespace tasks::fuzz
