/// What was compressed with zstd, LZ4, xz or gzip, from a pipe.
///
/// It is unpacked as far as it is whole, and no more of it than is allowed.

#include "input.hpp"
#include "linux/unpacked_file.hpp"

#include <sys/stat.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tasks;
  const fuzz::file file({reinterpret_cast<const char*>(data), size});
  cli::unpacking how;
  how.most_bytes = 1 << 20;
  how.most_room = 256 << 10;
  how.wanted = [](std::string_view first) { return std::min<std::uint64_t>(first.size() * 2, 1 << 20); };
  how.checks = true;
  const auto unpacked = cli::unpack_from("core", file.fd(), how);
  if (!unpacked) {
    fuzz::must(!unpacked.why().fact.empty());
    return 0;
  }
  struct stat info {};
  fuzz::must(::fstat(unpacked->fd.get(), &info) == 0);
  fuzz::must(static_cast<std::uint64_t>(info.st_size) <= how.most_bytes);
  fuzz::must(!unpacked->format.empty() || unpacked->damage.empty());
  return 0;
}
