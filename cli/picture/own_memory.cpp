#include "picture/own_memory.hpp"

#include <sys/mman.h>

#include <thread>
#include <utility>

#ifndef MADV_POPULATE_WRITE
#  define MADV_POPULATE_WRITE 23
#endif

namespace tasks::cli {
namespace {

/// Since Linux 5.14; without it they are made later. The kernel fills them with zeros, on two processors at once.
void make_pages(unsigned char* begin, std::size_t size) {
  constexpr std::size_t large = std::size_t{64} << 20, huge_page = std::size_t{2} << 20;
  const auto first = size < large ? size : size / 2 / huge_page * huge_page;
  std::jthread second;
  if (first != size) second = std::jthread([=] { ::madvise(begin + first, size - first, MADV_POPULATE_WRITE); });
  ::madvise(begin, first, MADV_POPULATE_WRITE);
}

}  // namespace

own_memory::own_memory(std::size_t size, bool now) {
  if (size == 0) return;
  void* at = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return;
  bytes_ = static_cast<unsigned char*>(at);
  size_ = size;
  ::madvise(at, size, MADV_HUGEPAGE);
  if (now) make_pages(bytes_, size);
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

void own_memory::use_small_pages() noexcept { ::madvise(bytes_, size_, MADV_NOHUGEPAGE); }

void give_back(unsigned char* pages, std::size_t size) noexcept { ::madvise(pages, size, MADV_DONTNEED); }

}  // namespace tasks::cli
