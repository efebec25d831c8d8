#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "diffusion/request.h"

namespace tempera::api {

// The request itself where its prompts hold no __name__; otherwise one for each picture, with the
// lines of FOLDER/name.txt that its seed chooses. Errors of diffusion::expand_wildcards.
Result<std::vector<diffusion::PictureRequest>> with_wildcards(
    const diffusion::PictureRequest& request, const std::string& folder);

}  // namespace tempera::api
