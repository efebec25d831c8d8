#pragma once

#include <map>
#include <vector>

#include "api/run/generate.h"
#include "diffusion/picture_plan.h"

namespace tempera::api {

// What a component of the VAE runs, in order: all at once, or in tiles its two parts, of which the
// local one has the size of a tile. A TAESD decoder sees only what is near: in tiles it runs whole.
using VaeRequests = std::vector<ComponentRequest>;

// What a pass over a batch runs of the model.
struct ComponentRequests {
  std::map<int64_t, ComponentRequest> text_encoder;      // by clip skip
  VaeRequests vae_encoder;                               // for init images, or none
  std::map<diffusion::CallKind, ComponentRequest> unet;  // for each kind of call that there is
  VaeRequests vae_decoder;

  std::vector<const ComponentRequest*> all() const {
    std::vector<const ComponentRequest*> list;
    for (const auto& [clip_skip, plan] : text_encoder) list.push_back(&plan);
    for (const ComponentRequest& plan : vae_encoder) list.push_back(&plan);
    for (const auto& [kind, plan] : unet) list.push_back(&plan);
    for (const ComponentRequest& plan : vae_decoder) list.push_back(&plan);
    return list;
  }
};

ComponentRequests component_requests(const diffusion::PictureRequest& request,
                                     const diffusion::PicturePlan& plan, const ModelInfo& info,
                                     const MemoryMeans& means);

}  // namespace tempera::api
