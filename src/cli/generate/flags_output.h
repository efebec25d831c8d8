#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "api/run/files.h"
#include "base/status.h"

namespace tempera::cli {

// How pictures become files.
struct OutputFlags {
  std::string pattern;
  api::PictureFileOptions file;
  bool no_metadata = false, grid = false, show = false;
  int64_t preview_every = 0;
  std::string preview = "linear";
  void add(CLI::App& app);
  Status apply();
};

// Writes the preview beside the picture of this name where one is due.
Status write_preview(const OutputFlags& flags, const diffusion::PictureRequest& request,
                     const api::GenerateProgress& progress, const std::string& name);

// Draws pictures in the terminal if the flag asks for it.
void show_pictures(const OutputFlags& flags, const api::Generated& generated, bool to_stderr);

}  // namespace tempera::cli
