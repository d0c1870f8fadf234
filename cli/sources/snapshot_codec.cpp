#include "sources/snapshot_codec.hpp"

#include <zstd.h>

#include <algorithm>
#include <bit>
#include <memory>

namespace tasks::cli {
namespace {

/// Of that many snapshots of a process one is whole: the most that are decoded to read one.
constexpr unsigned snapshots_per_whole = 32;

/// Measured in proto/README.md, "Recordings".
constexpr int whole_level = 3, delta_level = 1;
/// A delta finds what it repeats by a table with an entry for that many bytes of both snapshots.
constexpr int bytes_per_entry_log = 4;
constexpr int least_hash_log = 12, most_hash_log = 26;

/// A block of zstd's format: https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1.2
constexpr std::uint64_t least_block = 3, most_of_block = 128 * 1024;

struct free_context {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

int most_window_log() { return ZSTD_cParam_getBounds(ZSTD_c_windowLog).upperBound; }

void make_delta_of(ZSTD_CCtx* context, std::string_view parts, std::string_view before) {
  const auto both = static_cast<int>(std::bit_width(parts.size() + before.size()));
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, std::min(both, most_window_log()));
  ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog,
                         std::clamp(both - bytes_per_entry_log, least_hash_log, most_hash_log));
  ZSTD_CCtx_refPrefix(context, before.data(), before.size());
}

}  // namespace

recorded_process process_of(const v1::SnapshotHead& head) { return {head.pid(), head.start_time(), head.core()}; }

std::optional<std::string> compress_parts(std::string_view parts, std::string_view before, std::size_t most) {
  const std::unique_ptr<ZSTD_CCtx, free_context> context(ZSTD_createCCtx());
  if (!context) return std::nullopt;
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, before.empty() ? whole_level : delta_level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  if (!before.empty()) make_delta_of(context.get(), parts, before);
  std::string compressed(std::min(most, ZSTD_compressBound(parts.size())), '\0');
  const auto size = ZSTD_compress2(context.get(), compressed.data(), compressed.size(), parts.data(), parts.size());
  if (ZSTD_isError(size)) return std::nullopt;
  compressed.resize(size);
  return compressed;
}

std::optional<std::string> decompress_parts(std::string_view compressed, std::uint64_t raw_bytes,
                                            std::string_view before) {
  if (!may_be_compressed(compressed.size(), raw_bytes)) return std::nullopt;
  if (ZSTD_getFrameContentSize(compressed.data(), compressed.size()) != raw_bytes) return std::nullopt;
  const std::unique_ptr<ZSTD_DCtx, free_context> context(ZSTD_createDCtx());
  if (!context) return std::nullopt;
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, most_window_log());
  if (!before.empty()) ZSTD_DCtx_refPrefix(context.get(), before.data(), before.size());
  std::string parts(raw_bytes, '\0');
  const auto size =
      ZSTD_decompressDCtx(context.get(), parts.data(), parts.size(), compressed.data(), compressed.size());
  if (ZSTD_isError(size) || size != raw_bytes) return std::nullopt;
  return parts;
}

bool may_be_compressed(std::uint64_t compressed_bytes, std::uint64_t raw_bytes) noexcept {
  return compressed_bytes <= ZSTD_compressBound(raw_bytes) &&
         raw_bytes <= compressed_bytes / least_block * most_of_block;
}

std::optional<snapshot_encoder::encoded> snapshot_encoder::encode(const recorded_process& process,
                                                                  std::string_view parts) const {
  const auto* last = last_.find(process);
  if (last != nullptr && !last->parts.empty() && last->about.deltas + 1 < snapshots_per_whole) {
    auto delta = compress_parts(parts, last->parts, last->about.whole_bytes / 2);
    if (delta) return encoded{*std::move(delta), false};
  }
  auto whole = compress_parts(parts, {});
  if (!whole) return std::nullopt;
  return encoded{*std::move(whole), true};
}

void snapshot_encoder::was_written(const recorded_process& process, const encoded& made, std::string parts) {
  about now{made.bytes.size(), 0};
  if (const auto* last = last_.find(process); last != nullptr && !made.whole) {
    now = {last->about.whole_bytes, last->about.deltas + 1};
  }
  last_.put(process, std::move(parts), now);
}

}  // namespace tasks::cli
