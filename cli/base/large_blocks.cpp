/// Large blocks of memory in pages of 2 MiB, where the kernel gives them to who asks (transparent_hugepage=madvise): a
/// picture of a million tasks takes hundreds of megabytes in a few vectors, and each page of 4 KiB costs a fault, of
/// several microseconds in a virtual machine. Replaces operator new of the executable; its other forms call these.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

constexpr std::size_t large = std::size_t{4} << 20;

void ask_for_huge_pages(void* block, std::size_t size) noexcept {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(block);
  const auto skipped = (page - address % page) % page;
  ::madvise(static_cast<char*>(block) + skipped, (size - skipped) / page * page, MADV_HUGEPAGE);
}

}  // namespace

void* operator new(std::size_t size) {
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  if (size >= large) ask_for_huge_pages(block, size);
  return block;
}

void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
