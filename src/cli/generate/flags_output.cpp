#include "cli/generate/flags_output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "api/run/picture_views.h"
#include "base/suggest.h"
#include "base/text.h"
#include "cli/generate/picture_names.h"

namespace tempera::cli {
namespace {

struct TerminalSize {
  int64_t columns, lines;
};

// One line is left for the prompt. Where standard output is no terminal, the usual size.
TerminalSize terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 1)
    return {size.ws_col, size.ws_row - 1};
  return {80, 40};
}

}  // namespace

void OutputFlags::add(CLI::App& app) {
  app.add_option("-o,--output", pattern,
                 std::string("Name of the picture, .png, .jpg or .webp, with {seed}, {index}, "
                             "{width}, {height} [") +
                     kDefaultPattern + " in the current folder]")
      ->type_name("FILE");
  app.add_option("--quality", file.quality,
                 "Of .jpg and .webp, 1 to 100; 100 is a lossless .webp [95]")
      ->type_name("N");
  app.add_flag("--grid", grid, "Write a batch as one picture too, NAME-grid");
  app.add_flag("--show", show, "Draw the picture in the terminal, which needs 24-bit colours");
  app.add_option("--preview-every", preview_every,
                 "Write what the picture is by now to NAME-preview after every N steps")
      ->type_name("N");
  app.add_option("--preview", preview,
                 "linear: rough and free; vae: decoded, which takes time and memory")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_flag("--no-metadata", no_metadata,
               "Write the picture without its settings; --like and inspect read those");
}

Status OutputFlags::apply() {
  if (file.quality < 1 || file.quality > 100)
    return error(ErrorCode::invalid_argument, "--quality {} is not within 1 to 100", file.quality);
  if (preview_every < 0)
    return error(ErrorCode::invalid_argument, "--preview-every {} is below 0", preview_every);
  if (preview != "linear" && preview != "vae")
    return error(ErrorCode::invalid_argument, "--preview {} is not linear or vae{}", quote(preview),
                 suggestion(preview, {"linear", "vae"}));
  file.keep_text = !no_metadata;
  return {};
}

Status write_preview(const OutputFlags& flags, const diffusion::PictureRequest& request,
                     const api::GenerateProgress& progress, const std::string& name) {
  if (flags.preview_every == 0 || !progress.preview || progress.done % flags.preview_every != 0)
    return {};
  ASSIGN_OR_RETURN(
      const auto pictures,
      progress.preview(flags.preview == "vae" ? api::PreviewKind::vae : api::PreviewKind::linear));
  return api::write_preview(with_suffix(name, "-preview"), pictures, request.width, request.height);
}

void show_pictures(const OutputFlags& flags, const api::Generated& generated, bool to_stderr) {
  if (!flags.show) return;
  const auto [columns, lines] = terminal_size();
  for (const api::GeneratedPicture& picture : generated.pictures)
    std::fputs(api::terminal_text(picture.image, columns, lines).c_str(),
               to_stderr ? stderr : stdout);
}

}  // namespace tempera::cli
