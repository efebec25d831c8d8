#include "api/run/wildcards.h"

#include "api/run/batches.h"
#include "diffusion/prompt/wildcards.h"

namespace tempera::api {

using diffusion::PictureRequest;

namespace {

constexpr uint64_t kNegativeStream = 0x9e3779b97f4a7c15;  // other choices than the prompt's

Result<PictureRequest> expanded(PictureRequest picture, const std::string& folder) {
  const uint64_t seed = picture.seeds[0];
  ASSIGN_OR_RETURN(picture.prompt, diffusion::expand_wildcards(picture.prompt, folder, seed));
  ASSIGN_OR_RETURN(
      picture.negative_prompt,
      diffusion::expand_wildcards(picture.negative_prompt, folder, seed ^ kNegativeStream));
  return picture;
}

}  // namespace

Result<std::vector<PictureRequest>> with_wildcards(const PictureRequest& request,
                                                   const std::string& folder) {
  if (!diffusion::has_wildcards(request.prompt) &&
      !diffusion::has_wildcards(request.negative_prompt))
    return std::vector<PictureRequest>{request};
  std::vector<PictureRequest> pictures;
  for (int64_t i = 0; i < std::ssize(request.seeds); ++i) {
    ASSIGN_OR_RETURN(pictures.emplace_back(), expanded(pictures_of(request, i, 1), folder));
  }
  return pictures;
}

}  // namespace tempera::api
