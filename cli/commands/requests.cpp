#include "surveys/requests.hpp"

#include <optional>
#include <string>

#include "base/text.hpp"
#include "commands/command.hpp"
#include "commands/show.hpp"
#include "surveys/filtered_source.hpp"
#include "surveys/look.hpp"
#include "views/json.hpp"
#include "views/requests.hpp"

/// `tasks requests`: what is being done, by label.

namespace tasks::cli {
namespace {

struct requests_request : target_options, filter_options, frame_options {
  std::optional<std::string> by;
  std::uint64_t limit = 0;  ///< 0: none
};

result<int> run_requests(const requests_request& asked, output& out) {
  const auto source = open_target(asked);
  if (!source) return source.why();
  resolver names(**source, {.all_frames = asked.all_frames});
  names.set_due(look_for_due(**source).due);
  names.set_busy(look_for_busy(**source));
  names.set_lookups(look_for_lookups(**source));
  filtered_source chosen(**source, asked.chosen, {.all_frames = asked.all_frames});
  const auto survey = survey_requests(chosen, names, asked.by, asked.limit);
  if (!survey) return survey.why();
  const auto missing = survey->trailer.total() == 0 ? look_for_missing_hook(**source) : std::nullopt;
  if (asked.json) {
    auto view = new_view<v1::RequestsView>((*source)->pid());
    fill_view(*survey, view);
    if (missing) view.add_notes(*missing);
    print_document(out, view);
    return 0;
  }
  render_requests(out.text(), *survey, context_of(asked, **source, out, survey->trailer.tick_resolution_ms()));
  if (missing) append(out.text(), "! " + *missing + "\n");
  return 0;
}

}  // namespace

command requests_command() {
  std::vector<option_of<requests_request>> options;
  options.push_back(
      {{"--by", "KEY", "the label; without: request, or where no task has that the one that most tasks have"},
       [](requests_request& to, const std::string& typed) -> result<void> {
         if (typed.empty()) return usage_error("--by", "no label is named", "--by KEY");
         to.by = typed;
         return {};
       }});
  options.push_back(count("--limit", "N", "at most so many rows, the oldest", &requests_request::limit));
  for (const auto& each : filters()) options.push_back(each);
  options.push_back(let_run_option());
  options.push_back(all_frames_option());
  return make_command<requests_request>(
      "requests",
      "what is done for each request, or user: tasks by the value of a label, with the age of the oldest and what it "
      "waits for",
      {pid_word()}, with_watched_target<requests_request>(std::move(options)), watched<run_requests>);
}

}  // namespace tasks::cli
