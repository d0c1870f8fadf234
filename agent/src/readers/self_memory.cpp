#include "readers/self_memory.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include "descriptor.hpp"
#include "utf8.hpp"

namespace tasks::detail {
namespace {

/// For sandboxes that forbid process_vm_readv.
std::size_t read_through_proc(std::uint64_t address, void* to, std::size_t size) noexcept {
  const descriptor memory{calls::open("/proc/thread-self/mem", O_RDONLY | O_CLOEXEC)};
  if (!memory) return 0;
  const auto got = calls::read_at(memory.get(), to, size, static_cast<off_t>(address));
  return got > 0 ? static_cast<std::size_t>(got) : 0;
}

}  // namespace

std::size_t read_self(std::uint64_t address, void* to, std::size_t size) noexcept {
  const iovec local{to, size};
  const iovec remote{std::bit_cast<void*>(address), size};
  // The main thread may have ended (pthread_exit(3)), and has no memory then.
  const auto got = process_vm_readv(gettid(), &local, 1, &remote, 1, 0);
  if (got >= 0) return static_cast<std::size_t>(got);
  return errno == EFAULT ? 0 : read_through_proc(address, to, size);
}

void read_self(std::span<self_piece> pieces) noexcept {
  constexpr std::size_t most = 64;
  std::array<iovec, most> local, remote;
  while (!pieces.empty()) {
    const auto some = pieces.first(std::min(pieces.size(), most));
    for (std::size_t i = 0; i < some.size(); ++i) {
      local[i] = {some[i].to, some[i].size};
      remote[i] = {std::bit_cast<void*>(some[i].address), some[i].size};
    }
    const auto got = process_vm_readv(gettid(), local.data(), some.size(), remote.data(), some.size(), 0);
    // One after the other, up to the first byte that is not there.
    auto left = got > 0 ? static_cast<std::size_t>(got) : 0;
    std::size_t taken = 0;
    for (; taken < some.size() && some[taken].size <= left; ++taken) left -= some[taken].got = some[taken].size;
    if (taken < some.size()) {
      auto& failed = some[taken++];
      failed.got = read_self(failed.address, failed.to, failed.size);
    }
    pieces = pieces.subspan(taken);
  }
}

std::vector<std::string> read_self_strings(std::span<const std::uint64_t> addresses, std::size_t longest) {
  constexpr std::size_t page = 4096;
  // Most end within a few hundred bytes; those that do not, names of templates, go on for some thousand.
  std::size_t most_at_once = 512;
  std::vector<std::string> texts(addresses.size());
  std::vector<std::size_t> unfinished;  // of texts
  for (std::size_t i = 0; i < addresses.size(); ++i)
    if (addresses[i] != 0 && longest != 0) unfinished.push_back(i);
  std::vector<self_piece> pieces;
  while (!unfinished.empty()) {
    pieces.clear();
    for (const auto i : unfinished) {
      auto& text = texts[i];
      const auto at = addresses[i] + text.size();
      // Never across a page boundary: whether a partial read stops at one is up to the kernel.
      const auto want = std::min({most_at_once, longest - text.size(), static_cast<std::size_t>(page - at % page)});
      text.resize(text.size() + want);
      pieces.push_back({at, text.data() + text.size() - want, want});
    }
    read_self(pieces);
    std::size_t kept = 0;
    for (std::size_t k = 0; k < pieces.size(); ++k) {
      const auto& piece = pieces[k];
      auto& text = texts[unfinished[k]];
      const auto length = strnlen(static_cast<const char*>(piece.to), piece.got);
      text.resize(text.size() - piece.size + length);
      if (length == piece.size && text.size() < longest) unfinished[kept++] = unfinished[k];
    }
    unfinished.resize(kept);
    most_at_once = page;
  }
  for (auto& text : texts) make_utf8(text);
  return texts;
}

}  // namespace tasks::detail
