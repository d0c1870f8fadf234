#include <utility>

#include "sources/memory_source.hpp"
#include "target/core_file.hpp"

namespace tasks::cli {
namespace {

class core_source final : public memory_source {
 public:
  core_source(const std::string& path, std::shared_ptr<target> from) : memory_source(std::move(from)), path_(path) {}

  [[nodiscard]] std::string description() const override { return "core " + path_; }

  /// No core says when it was made: the newest time that any task wrote down.
  [[nodiscard]] std::uint64_t now() override {
    if (now_ == 0) now_ = registries().newest_tick();
    return now_;
  }

  [[nodiscard]] process_facts facts() override {
    process_facts facts;
    for (const auto& thread : from()->threads()) facts.tids.push_back(thread.inner_tid);
    return facts;
  }

 protected:
  [[nodiscard]] std::optional<std::int64_t> wall_clock() override { return std::nullopt; }

 private:
  std::string path_;
  std::uint64_t now_ = 0;
};

}  // namespace

result<std::unique_ptr<memory_source>> open_core(std::shared_ptr<core_file> core) {
  const auto path = core->path();
  auto opened = core_target(std::move(core));
  if (!opened) return opened.why();
  return std::unique_ptr<memory_source>(std::make_unique<core_source>(path, *std::move(opened)));
}

}  // namespace tasks::cli
