#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "api/run/picture_settings.h"
#include "base/status.h"

namespace tempera::cli {

// Gives the flags of `app` that the command line left out the values that the picture file tells.
// `model`: the name of the model that made it. What was asked for on the command line stays, with
// what depends on it: a sampler without the picture's schedule.
Status set_like(const std::string& picture, CLI::App& app, std::string& model);

// All settings of one picture, as set_like reads them: what the request knows, then what `cell`
// says, flags as in "--steps=10", and the flags that were given.
api::Flags picture_flags(const CLI::App& app, const diffusion::PictureRequest& request,
                         const std::vector<std::string>& cell, size_t index);

}  // namespace tempera::cli
