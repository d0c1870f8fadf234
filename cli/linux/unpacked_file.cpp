#include "linux/unpacked_file.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/progress.hpp"
#include "base/quantities.hpp"
#include "base/text.hpp"
#include "linux/memory.hpp"

namespace tasks::cli {
namespace {

using detail::descriptor;
using clock = std::chrono::steady_clock;

/// What compressors may ask for to remember what came: zstd --ultra --long=30, xz -9 with eight times its dictionary.
constexpr int most_zstd_window = 30;
constexpr std::uint64_t most_lzma_memory = std::uint64_t{1} << 30;
/// Blocks behind what is wanted that are unpacked for the checksum behind them.
constexpr std::size_t most_checked = 64;
constexpr std::size_t unpacked_block = std::size_t{1} << 20;

/// Unpacks one frame, stream or member after another.
class decoder {
 public:
  enum class state {
    goes_on,
    between,  ///< a frame has ended; what comes, if anything does, is another
    damaged
  };
  decoder() = default;
  virtual ~decoder() = default;
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  /// Takes from the front of `in`, and fills `room` from its front; both become what is left. `last`: nothing comes
  /// behind `in`.
  virtual state step(std::string_view& in, std::span<char>& room, bool last) = 0;
  /// In words, once it is damaged.
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

 protected:
  state fail(const char* why) {
    why_ = why;
    return state::damaged;
  }

 private:
  std::string why_;
};

class zstd_decoder final : public decoder {
 public:
  zstd_decoder() : stream_(ZSTD_createDCtx(), &ZSTD_freeDCtx) {
    if (stream_) ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, most_zstd_window);
  }
  state step(std::string_view& in, std::span<char>& room, bool) override {
    if (!stream_) return fail("out of memory");
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{room.data(), room.size(), 0};
    const auto left = ZSTD_decompressStream(stream_.get(), &to, &from);
    in.remove_prefix(from.pos);
    room = room.subspan(to.pos);
    if (ZSTD_isError(left) != 0) return fail(ZSTD_getErrorName(left));
    return left == 0 ? state::between : state::goes_on;
  }

 private:
  std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> stream_;
};

class lz4_decoder final : public decoder {
 public:
  lz4_decoder() { LZ4F_createDecompressionContext(&stream_, LZ4F_VERSION); }
  ~lz4_decoder() override { LZ4F_freeDecompressionContext(stream_); }
  state step(std::string_view& in, std::span<char>& room, bool) override {
    if (stream_ == nullptr) return fail("out of memory");
    std::size_t taken = in.size(), made = room.size();
    const auto left = LZ4F_decompress(stream_, room.data(), &made, in.data(), &taken, nullptr);
    if (LZ4F_isError(left) != 0) return fail(LZ4F_getErrorName(left));
    in.remove_prefix(taken);
    room = room.subspan(made);
    return left == 0 ? state::between : state::goes_on;
  }

 private:
  LZ4F_dctx* stream_ = nullptr;
};

class xz_decoder final : public decoder {
 public:
  xz_decoder() : works_(lzma_stream_decoder(&stream_, most_lzma_memory, LZMA_CONCATENATED) == LZMA_OK) {}
  ~xz_decoder() override { lzma_end(&stream_); }
  state step(std::string_view& in, std::span<char>& room, bool last) override {
    if (!works_) return fail("out of memory");
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(room.data());
    stream_.avail_out = room.size();
    const auto said = lzma_code(&stream_, last ? LZMA_FINISH : LZMA_RUN);
    in.remove_prefix(in.size() - stream_.avail_in);
    room = room.subspan(room.size() - stream_.avail_out);
    switch (said) {
      case LZMA_OK:
      case LZMA_BUF_ERROR:
        return state::goes_on;
      case LZMA_STREAM_END:
        return state::between;
      case LZMA_MEMLIMIT_ERROR:
        return fail("it needs too much memory to be unpacked");
      case LZMA_MEM_ERROR:
        return fail("out of memory");
      default:
        return fail("corrupt data");
    }
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool works_;
};

class gzip_decoder final : public decoder {
 public:
  gzip_decoder() {
    constexpr int gzip_header = 16;
    works_ = inflateInit2(&stream_, gzip_header + MAX_WBITS) == Z_OK;
  }
  ~gzip_decoder() override { inflateEnd(&stream_); }
  state step(std::string_view& in, std::span<char>& room, bool) override {
    if (!works_) return fail("out of memory");
    // zlib does not write to what it reads.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(room.data());
    stream_.avail_out = static_cast<uInt>(room.size());
    const int said = inflate(&stream_, Z_NO_FLUSH);
    in.remove_prefix(in.size() - stream_.avail_in);
    room = room.subspan(room.size() - stream_.avail_out);
    if (said == Z_STREAM_END) return inflateReset(&stream_) == Z_OK ? state::between : fail("corrupt data");
    if (said == Z_OK || said == Z_BUF_ERROR) return state::goes_on;
    return fail(stream_.msg != nullptr ? stream_.msg : "corrupt data");
  }

 private:
  z_stream stream_{};
  bool works_ = false;
};

/// What is not compressed.
class plain_copier final : public decoder {
 public:
  state step(std::string_view& in, std::span<char>& room, bool) override {
    const auto n = std::min(in.size(), room.size());
    std::memcpy(room.data(), in.data(), n);
    in.remove_prefix(n);
    room = room.subspan(n);
    return state::between;
  }
};

std::unique_ptr<decoder> decoder_of(std::string_view format) {
  if (format == "zstd") return std::make_unique<zstd_decoder>();
  if (format == "lz4") return std::make_unique<lz4_decoder>();
  if (format == "xz") return std::make_unique<xz_decoder>();
  if (format == "gzip") return std::make_unique<gzip_decoder>();
  return std::make_unique<plain_copier>();
}

struct named_file {
  descriptor fd;
  std::string where;  ///< "/var/tmp", "memory"
};

named_file make_file() {
  const char* chosen = ::getenv("TMPDIR");
  std::vector<std::string> folders = {"/var/tmp", "/tmp"};
  if (chosen != nullptr && *chosen != 0) folders = {chosen};
  for (const auto& folder : folders) {
    if (descriptor fd(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600)); fd)
      return {std::move(fd), folder};
    auto name = folder + "/tasks-core-XXXXXX";
    if (descriptor fd(::mkostemp(name.data(), O_CLOEXEC)); fd) {
      ::unlink(name.c_str());
      return {std::move(fd), folder};
    }
  }
  return {descriptor(::memfd_create("tasks-core", MFD_CLOEXEC)), "memory"};
}

/// Of the file system; of memory half of what can be had without pushing others out.
std::uint64_t room_in(const named_file& file) {
  struct statvfs system {};
  if (file.where != "memory") {
    if (::fstatvfs(file.fd.get(), &system) != 0) return 0;
    return static_cast<std::uint64_t>(system.f_bavail) * system.f_frsize / 10 * 9;
  }
  const long pages = ::sysconf(_SC_AVPHYS_PAGES);
  return pages > 0 ? static_cast<std::uint64_t>(pages) * page_size / 2 : 0;
}

bool is_zero(const char* at, std::size_t size) { return at[0] == 0 && std::memcmp(at, at + 1, size - 1) == 0; }

/// Written from its begin to its end; pages of zeros are left out.
class sparse_file {
 public:
  sparse_file(named_file file, std::string subject, std::optional<std::uint64_t> most_room)
      : file_(std::move(file)), subject_(std::move(subject)), room_(most_room.value_or(room_in(file_))) {}

  result<void> append(std::span<const char> bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto n = std::min<std::size_t>(page_size - size_ % page_size, bytes.size() - at);
      if (!is_zero(bytes.data() + at, n)) {
        if (n > room_ - used_) return no_room(ENOSPC);
        for (std::size_t done = 0; done < n;) {
          const auto put =
              ::pwrite(file_.fd.get(), bytes.data() + at + done, n - done, static_cast<off_t>(size_ + done));
          if (put <= 0) return no_room(put < 0 ? errno : EIO);
          done += static_cast<std::size_t>(put);
        }
        used_ += n;
      }
      at += n;
      size_ += n;
    }
    return {};
  }
  result<descriptor> end() {
    if (::ftruncate(file_.fd.get(), static_cast<off_t>(size_)) != 0) return no_room(errno);
    return std::move(file_.fd);
  }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

 private:
  [[nodiscard]] error no_room(int number) const {
    return {error_code::system, subject_,
            fmt::format("there is no room in {} to unpack it: {} after {}", file_.where,
                        number == ENOSPC ? "full" : ::strerror(number), format_bytes(used_)),
            "name a folder that has room: TMPDIR=FOLDER"};
  }

  named_file file_;
  std::string subject_;
  std::uint64_t room_, used_ = 0, size_ = 0;
};

class unpacker {
 public:
  unpacker(std::string subject, int from, const unpacking& how) : subject_(std::move(subject)), from_(from), how_(how) {
    in_.resize(unpacked_block);
    out_.resize(unpacked_block);
  }

  result<unpacked_file> run() {
    const busy_with now("unpacking the core", "MiB");
    fill();
    const auto format = packed_format(waiting_);
    const auto decodes = decoder_of(format);
    auto file = make_file();
    if (!file.fd)
      return error{error_code::system, subject_, fmt::format("cannot be unpacked: {}", ::strerror(errno)), ""};
    sparse_file to(std::move(file), subject_, how_.most_room);
    std::uint64_t wanted = how_.most_bytes;
    std::string damage;
    for (bool is_first = true, goes_on = true; goes_on && to.size() < wanted && clock::now() < how_.until;) {
      auto room = std::span(out_);
      damage = fill_block(*decodes, room, format);
      goes_on = room.empty();
      const auto made = std::span<const char>(out_.data(), out_.size() - room.size());
      if (is_first && how_.wanted) {
        wanted = how_.wanted({made.data(), made.size()});
        if (wanted > how_.most_bytes)
          return error{error_code::system, subject_,
                       fmt::format("it is {} when it is unpacked, and no more than {} are", format_bytes(wanted),
                                   format_bytes(how_.most_bytes)),
                       "unpack it first"};
      }
      is_first = false;
      const auto part = std::min<std::uint64_t>(made.size(), wanted - to.size());
      if (const auto good = to.append(made.first(part)); !good) return good.why();
      busy_with::advance(made.size() / unpacked_block);
    }
    if (to.size() >= wanted && !how_.checks) damage.clear();  // what is missing nobody wanted
    for (std::size_t more = 0; how_.checks && damage.empty() && more < most_checked; ++more) {
      auto room = std::span(out_);
      damage = fill_block(*decodes, room, format);
      if (!room.empty()) break;
    }
    auto fd = to.end();
    if (!fd) return fd.why();
    return unpacked_file{*std::move(fd), format, std::move(damage), 0};
  }

 private:
  /// Reads more behind what waits, unless that is enough already.
  void fill() {
    if (!waiting_.empty() || ended_) return;
    std::size_t got = 0;
    while (got < in_.size()) {
      const auto n = ::read(from_, in_.data() + got, in_.size() - got);
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) {
        ended_ = true;
        break;
      }
      got += static_cast<std::size_t>(n);
    }
    waiting_ = {in_.data(), got};
  }

  /// Until `room` is full. It is not where there is no more; why, in words.
  std::string fill_block(decoder& decodes, std::span<char>& room, std::string_view format) {
    while (!room.empty()) {
      fill();
      const auto before = std::pair(waiting_.size(), room.size());
      if (waiting_.empty() && ended_ && between_) return {};
      const auto now = decodes.step(waiting_, room, ended_);
      // What is behind the last frame need not be one: tools pad with zeros.
      if (now == decoder::state::damaged && between_ && began_) return {};
      if (now == decoder::state::damaged) return fmt::format("its {} data is damaged: {}", format, decodes.why());
      between_ = now == decoder::state::between;
      began_ = true;
      if (!between_ && ended_ && before == std::pair(waiting_.size(), room.size()))
        return fmt::format("its {} data is cut off", format);
    }
    return {};
  }

  std::string subject_;
  int from_;
  const unpacking& how_;
  std::vector<char> in_, out_;
  std::string_view waiting_;  ///< what was read, and nobody has taken
  bool ended_ = false, between_ = false, began_ = false;
};

}  // namespace

std::string_view packed_format(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd"sv)) return "zstd";
  if (first_bytes.starts_with("\x04\x22\x4d\x18"sv)) return "lz4";
  if (first_bytes.starts_with("\xfd\x37\x7a\x58\x5a\0"sv)) return "xz";
  if (first_bytes.starts_with("\x1f\x8b"sv)) return "gzip";
  return {};
}

result<unpacked_file> open_unpacked(const std::string& path, const unpacking& how) {
  const auto subject = "core " + clean(path);
  descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return error{error_code::system, subject, fmt::format("cannot be opened: {}", ::strerror(errno)), ""};
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    return error{error_code::system, subject, "is no file", ""};
  const auto written = info.st_mtim.tv_sec * std::int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
  std::array<char, 8> first{};
  const auto n = ::pread(fd.get(), first.data(), first.size(), 0);
  if (n <= 0 || packed_format({first.data(), static_cast<std::size_t>(n)}).empty())
    return unpacked_file{std::move(fd), {}, {}, written};
  auto unpacked = unpacker(subject, fd.get(), how).run();
  if (unpacked) unpacked->written_ns = written;
  return unpacked;
}

result<unpacked_file> unpack_from(const std::string& subject, int pipe, const unpacking& how) {
  return unpacker(subject, pipe, how).run();
}

}  // namespace tasks::cli
