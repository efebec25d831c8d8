#include "api/run/batches.h"

#include <iterator>

#include "base/check.h"

namespace tempera::api {

using diffusion::PictureRequest;

PictureRequest pictures_of(const PictureRequest& request, int64_t first, int64_t count) {
  PictureRequest part = request;
  part.noise.first_picture += first;
  if (part.noise.batch == 0) part.noise.batch = static_cast<int64_t>(request.seeds.size());
  part.seeds.assign(request.seeds.begin() + first, request.seeds.begin() + first + count);
  const auto keep = [&](std::vector<float>& latents) {
    const auto latent = static_cast<int64_t>(latents.size() / request.seeds.size());
    latents = {latents.begin() + first * latent, latents.begin() + (first + count) * latent};
  };
  keep(part.initial_latents);
  keep(part.init.latents);
  if (request.init.images.size() > 1)
    part.init.images = {request.init.images.begin() + first,
                        request.init.images.begin() + first + count};
  return part;
}

std::vector<PictureRequest> split(const PictureRequest& request, int64_t batches) {
  const auto all = static_cast<int64_t>(request.seeds.size());
  CHECK(batches >= 1 && all % batches == 0, "{} pictures in {} batches", all, batches);
  std::vector<PictureRequest> parts;
  for (int64_t i = 0; i < batches; ++i)
    parts.push_back(pictures_of(request, i * (all / batches), all / batches));
  return parts;
}

void append(Generated part, Generated& all) {
  for (GeneratedPicture& picture : part.pictures) all.pictures.push_back(std::move(picture));
  if (all.latents.shape.empty()) {
    all.latents = std::move(part.latents);
    all.step_latents = std::move(part.step_latents);
  } else {
    all.latents.shape[0] += part.latents.shape[0];
    all.latents.data.insert(all.latents.data.end(), part.latents.data.begin(),
                            part.latents.data.end());
  }
  for (const auto& [stage, spent] : part.seconds) all.seconds[stage] += spent;
}

}  // namespace tempera::api
