#include "linux/thread_places.hpp"

#include <elf.h>
#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "linux/sleep.hpp"

namespace tasks::cli {
namespace {

#if defined(__aarch64__)
constexpr std::uint64_t to_links = 192, to_tid = 208;
#else
constexpr std::uint64_t to_self = 16, to_tid = 720;
#endif

class descriptor_search {
 public:
  descriptor_search(const memory& from, std::vector<thread_registers>& threads) : from_(from), threads_(threads) {}

  void run(const std::vector<std::uint32_t>& inner_tids) {
    for (std::size_t i = 0; i < inner_tids.size(); ++i) wanted_[inner_tids[i]] = i;
    for (const auto& region : from_.regions()) {
      if (missing() == 0) return;
      if (!region.writable || region.shared || (!region.path.empty() && region.path != "[heap]")) continue;
      look_at(region);
    }
  }

 private:
  [[nodiscard]] std::size_t missing() const {
    return static_cast<std::size_t>(std::count_if(
        threads_.begin(), threads_.end(), [](const thread_registers& each) { return each.thread_pointer == 0; }));
  }

  /// A descriptor lies above the stack that its thread uses; of a thread that runs, and of the first one, whose stack
  /// is elsewhere, near an end of its mapping.
  void look_at(const memory_region& region) {
    constexpr std::uint64_t piece = 65536, near_end = 262144, most = std::uint64_t{16} << 20;
    scan(region.begin, std::min(region.end, region.begin + near_end));
    if (region.end - region.begin > near_end) scan(std::max(region.begin, region.end - near_end), region.end);
    for (const auto& thread : threads_) {
      if (thread.thread_pointer != 0 || thread.stack_pointer < region.begin || thread.stack_pointer >= region.end)
        continue;
      const auto end = std::min(region.end, thread.stack_pointer + most);
      for (auto at = thread.stack_pointer & ~std::uint64_t{7}; at < end && thread.thread_pointer == 0; at += piece)
        scan(at, std::min(at + piece + to_tid + 8, end));
    }
  }

  void scan(std::uint64_t begin, std::uint64_t end) {
    words_.resize((end - begin) / 8);
    words_.resize(from_.read(begin, words_.data(), words_.size() * 8) / 8);
    for (std::size_t i = 0; i + to_tid / 8 < words_.size(); ++i) {
      if (!may_begin(begin, i)) continue;
      const auto found = wanted_.find(static_cast<std::uint32_t>(words_[i + to_tid / 8]));
      if (found == wanted_.end()) continue;
      const auto pointer = pointer_of(begin, i);
      if (pointer != 0) threads_[found->second].thread_pointer = pointer;
    }
  }

#if defined(__aarch64__)
  [[nodiscard]] bool may_begin(std::uint64_t, std::size_t i) const {
    const auto next = words_[i + to_links / 8], before = words_[i + to_links / 8 + 1];
    return next % 8 == 0 && before % 8 == 0 && next >= page_size && before >= page_size;
  }

  /// Of the descriptor that may begin at words_[i]; 0: it is none.
  [[nodiscard]] std::uint64_t pointer_of(std::uint64_t begin, std::size_t i) const {
    const auto descriptor = begin + i * 8, links = descriptor + to_links;
    const auto word = [this](std::uint64_t at) { return from_.get<std::uint64_t>(at).value_or(0); };
    if (word(words_[i + to_links / 8] + 8) != links || word(words_[i + to_links / 8 + 1]) != links) return 0;
    // {table, …}, and the table's second entry, of the first object with storage, leads right behind that.
    constexpr std::uint64_t least = 1024, most = 4096, furthest = 65536, entry = 16;
    for (auto at = descriptor + least; at < descriptor + most; at += 16) {
      const auto table = word(at);
      if (table % 8 != 0 || table == 0) continue;
      const auto storage = word(table + entry);
      if (storage > at && storage - at < furthest) return at;
    }
    return 0;
  }
#else
  [[nodiscard]] bool may_begin(std::uint64_t begin, std::size_t i) const { return words_[i] == begin + i * 8; }

  [[nodiscard]] std::uint64_t pointer_of(std::uint64_t begin, std::size_t i) const {
    const auto address = begin + i * 8;
    return words_[i + to_self / 8] == address ? address : 0;
  }
#endif

  const memory& from_;
  std::vector<thread_registers>& threads_;
  std::unordered_map<std::uint32_t, std::size_t> wanted_;  ///< by the target's own number
  std::vector<std::uint64_t> words_;
};

}  // namespace

void find_thread_pointers(std::vector<thread_registers>& threads, const std::vector<std::uint32_t>& inner_tids,
                          const memory& from) {
  descriptor_search(from, threads).run(inner_tids);
}

thread_places find_threads(pid_t pid, const std::vector<os_thread>& threads, const memory& from) {
  thread_places places;
  std::vector<std::uint32_t> inner_tids;
  for (const auto& thread : threads) {
    auto& place = places.threads.emplace_back();
    place.tid = static_cast<std::uint32_t>(thread.tid);
    inner_tids.push_back(thread.inner_tid);
    const auto asleep = read_sleep(pid, thread.tid);
    if (asleep) place.stack_pointer = asleep->stack_pointer;
    places.slices.push_back(asleep ? asleep->slices : read_slices(pid, thread.tid));
  }
  find_thread_pointers(places.threads, inner_tids, from);
  return places;
}

std::uint64_t thread_storage_size(const memory& from) {
  for (const auto& region : from.regions()) {
    if (region.offset != 0 || region.path.empty() || region.path.starts_with('[') ||
        region.path.find(".so") != std::string::npos)
      continue;
    const auto head = from.get<Elf64_Ehdr>(region.begin);
    if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_phentsize != sizeof(Elf64_Phdr)) continue;
    for (std::uint64_t i = 0; i < head->e_phnum; ++i) {
      const auto part = from.get<Elf64_Phdr>(region.begin + head->e_phoff + i * sizeof(Elf64_Phdr));
      if (!part) return 0;
      if (part->p_type != PT_TLS) continue;
      const auto alignment = std::max<std::uint64_t>(part->p_align, 8);
      const auto size = (part->p_memsz + alignment - 1) / alignment * alignment;
#if defined(__aarch64__)
      return size + alignment;  // it begins at a multiple of that behind the thread pointer
#else
      return size;
#endif
    }
    return 0;
  }
  return 0;
}

}  // namespace tasks::cli
