/// A registry that nobody keeps: it says of itself what it likes, at no cost. 16,384 slabs each, which are
///
///   repeated     one, 16,384 times
///   overlapping  one after another by a record each
///   reserved     addresses that no memory was ever found for
///   circular     one that exists, and each of its tasks has a stack that leads back to itself
///   labelled     the same of what tasks are labelled with

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string_view>

#include "registry/root_note.hpp"

extern "C" {
[[gnu::visibility("hidden")]] extern tasks::layout::root tasks_fake_root;
}

namespace {

using namespace tasks::layout;

constexpr std::size_t slab_bytes = slab_records * record_size;

unsigned char* map(std::size_t size) {
  void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : static_cast<unsigned char*>(at);
}

void put(unsigned char* record, std::size_t offset, std::uint64_t word) {
  std::memcpy(record + offset, &word, sizeof word);
}

std::uint64_t address_of(const void* at) { return reinterpret_cast<std::uint64_t>(at); }

/// So many tasks, that wait for nothing known. A record behind them is where their stacks and labels go on.
void fill(unsigned char* slab, std::size_t tasks, std::string_view form) {
  unsigned char* chain = slab + tasks * record_size;
  const bool deep = form == "circular", labelled = form == "labelled";
  for (std::size_t i = 0; i < tasks; ++i) {
    unsigned char* task = slab + i * record_size;
    put(task, offsetof(record, word), state_bits_of(record_state::blocked_unknown) | (deep ? max_depth - 1 : 1));
    put(task, offsetof(record, id), 1);
    if (deep) put(task, offsetof(record, overflow), address_of(chain));
    if (labelled) put(task, offsetof(record, annotations), address_of(chain));
  }
  if (deep) {
    put(chain, offsetof(overflow_record, word), state_bits_of(record_state::overflow));
    put(chain, offsetof(overflow_record, owner_id), 1);
    put(chain, offsetof(overflow_record, next), address_of(chain));
  } else if (labelled) {
    // Its version says that it is being written.
    put(chain, offsetof(annotation_record, word), state_bits_of(record_state::annotation) | one_version);
    put(chain, offsetof(annotation_record, owner_id), 1);
    put(chain, offsetof(annotation_record, next), address_of(chain));
  }
}

}  // namespace

int main(int count, char** words) {
  const std::string_view form = count > 1 ? words[1] : "repeated";
  unsigned char* home = map(sizeof(registry));
  unsigned char* slabs = map(form == "reserved" ? max_slabs * slab_bytes : max_slabs * record_size + slab_bytes);
  if (!home || !slabs) return 1;
  fill(slabs, slab_records - 1, form);
  const bool one = form == "circular" || form == "labelled";
  const std::size_t stride = form == "reserved" ? slab_bytes : form == "overlapping" ? record_size : 0;
  for (std::size_t i = 0; i < (one ? 1 : max_slabs); ++i)
    put(home, offsetof(registry, slabs) + i * sizeof(std::uint64_t), address_of(slabs + i * stride));
  put(home, offsetof(registry, used), (one ? 1 : max_slabs) * slab_records);
  tasks_fake_root.records.store(reinterpret_cast<registry*>(home));
  tasks_fake_root.pid.store(static_cast<std::uint32_t>(::getpid()));
  std::puts("ready");
  std::fflush(stdout);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}
