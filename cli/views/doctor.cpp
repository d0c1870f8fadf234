#include "views/doctor.hpp"

#include <string>

#include "base/prose.hpp"
#include "base/text.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

v1::CheckupView::State health_of(checkup::state how) {
  switch (how) {
    case checkup::state::good:
      return v1::CheckupView::GOOD;
    case checkup::state::limited:
      return v1::CheckupView::LIMITED;
    case checkup::state::bad:
      return v1::CheckupView::BAD;
  }
  return v1::CheckupView::STATE_UNSPECIFIED;
}

std::string line_of_remedy(const remedy& each) {
  auto line = "      " + clean(each.words);
  if (!each.command.empty() && each.command != each.words) line += ": " + clean(each.command);
  if (each.needs_root) line += "  (root)";
  return line;
}

}  // namespace

void render_health(fmt::memory_buffer& out, const surveyed_health& found, const render_context& context) {
  if (found.pid) append_prose(out, fmt::format("{} (pid {})", clean(found.program), *found.pid), context.style);
  for (const auto& each : found.checkups) {
    const char mark = each.how == checkup::state::good ? ' ' : '!';
    append_prose(out, fmt::format("{} {:<11}  {}", mark, each.topic, clean(each.what.fact)), context.style);
    for (const auto& mends : smallest_first(each.what.mends)) append_prose(out, line_of_remedy(mends), context.style);
  }
}

void fill_view(const surveyed_health& found, v1::DoctorView& view) {
  view.set_schema_version(schema_version);
  if (found.pid) view.set_pid(static_cast<std::uint32_t>(*found.pid));
  view.set_program(found.program);
  for (const auto& each : found.checkups) {
    auto& to = *view.add_checkups();
    to.set_topic(std::string(each.topic));
    to.set_state(health_of(each.how));
    to.set_fact(each.what.fact);
    for (const auto& mends : smallest_first(each.what.mends)) {
      auto& one = *to.add_remedies();
      one.set_words(mends.words);
      one.set_command(mends.command);
      one.set_needs_root(mends.needs_root);
    }
  }
}

}  // namespace tasks::cli
