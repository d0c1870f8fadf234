#include "surveys/channels.hpp"
#include "commands/command.hpp"
#include "commands/show.hpp"
#include "views/channels.hpp"
#include "views/json.hpp"

namespace tasks::cli {
namespace {

result<int> run_channels(const channels_request& asked, output& out) {
  const auto source = open_target(asked);
  if (!source) return source.why();
  if (const auto shown = show_channels(**source, asked, out); !shown) return shown.why();
  return 0;
}

}  // namespace

result<void> show_channels(snapshot_source& source, const channels_request& asked, output& out) {
  resolver names(source, {.all_frames = asked.all_frames, .spawn_sites = asked.json});
  const auto survey = survey_channels(source, names, {&asked.chosen, asked.prove, asked.stop, asked.proof});
  if (!survey) return survey.why();
  if (asked.json) {
    auto view = new_view<v1::ChannelsView>(source.pid());
    fill_view(*survey, view);
    print_document(out, view);
  } else {
    render_channels(out.text(), *survey, context_of(asked, source, out, survey->trailer.tick_resolution_ms()));
  }
  return {};
}

option_of<frame_options> all_frames_option() {
  return flag("--all-frames", "Asio's own frames too", &frame_options::all_frames);
}

option_of<prove_options> no_prove_option() {
  return flag("--no-prove", "do not look who else holds what tasks wait on, and do not copy its memory",
              &prove_options::prove, false);
}

command channels_command() {
  std::vector<option_of<channels_request>> options;
  for (const auto& each : filters()) options.push_back(each);
  options.push_back(no_prove_option());
  options.push_back(no_stop_option<channels_request>(no_proof_without_stop));
  options.push_back(all_frames_option());
  return make_command<channels_request>(
      "channels", "channels that tasks wait on: how full they are, who waits, and who else points to them",
      {pid_word()}, with_watched_target<channels_request>(std::move(options)), watched<run_channels>);
}

}  // namespace tasks::cli
