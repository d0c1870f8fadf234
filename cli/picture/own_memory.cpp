#include "picture/own_memory.hpp"

#include <sys/mman.h>

#include <utility>

#ifndef MADV_POPULATE_WRITE
#  define MADV_POPULATE_WRITE 23
#endif

namespace tasks::cli {

own_memory::own_memory(std::size_t size, bool now) {
  if (size == 0) return;
  void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return;
  bytes_ = static_cast<unsigned char*>(at);
  size_ = size;
  ::madvise(at, size, MADV_HUGEPAGE);
  if (now) ::madvise(at, size, MADV_POPULATE_WRITE);  // since Linux 5.14; without it they are made later
}

own_memory::own_memory(own_memory&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)), size_(std::exchange(other.size_, 0)) {}

own_memory& own_memory::operator=(own_memory&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(size_, other.size_);
  return *this;
}

own_memory::~own_memory() {
  if (bytes_ != nullptr) ::munmap(bytes_, size_);
}

void give_back(unsigned char* pages, std::size_t size) noexcept { ::madvise(pages, size, MADV_DONTNEED); }

}  // namespace tasks::cli
