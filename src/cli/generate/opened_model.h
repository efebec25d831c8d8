#pragma once

#include <memory>
#include <vector>

#include "api/run/fit_memory.h"
#include "cli/generate/generate_flags.h"
#include "cli/progress.h"

namespace tempera::cli {

// A model that is open, and how its pictures stay within --max-memory.
struct OpenedModel {
  std::unique_ptr<api::Session> session;
  std::vector<api::LoraSetting> loras;  // that it was opened with
  bool grows_weights = true;
  api::MemoryMeans means;
};

// Opens the flags' model, or opens it again if this prompt names other LoRAs than it was opened
// with: each prompt of a file, of wildcards or of a grid may name its own.
Status open_for(const GenerateFlags& flags, const std::string& prompt,
                diffusion::PromptLanguage language, Progress& progress, OpenedModel& opened);

// Finds the means that meet --max-memory. Those that cost time come after the memory that weights
// take for speed.
Status keep_within(const GenerateFlags& flags, const diffusion::PictureRequest& request,
                   Progress& progress, OpenedModel& opened);

}  // namespace tempera::cli
