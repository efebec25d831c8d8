#pragma once

#include <map>
#include <optional>
#include <vector>

#include "api/run/generate.h"
#include "diffusion/picture_plan.h"

namespace tempera::api {

// What a pass over a batch runs of the model.
struct ComponentRequests {
  std::map<int64_t, ComponentRequest> text_encoder;      // by clip skip
  std::optional<ComponentRequest> vae_encoder;           // for init images
  std::map<diffusion::CallKind, ComponentRequest> unet;  // for each kind of call that there is
  ComponentRequest vae_decoder;

  std::vector<const ComponentRequest*> all() const {
    std::vector<const ComponentRequest*> list;
    for (const auto& [clip_skip, plan] : text_encoder) list.push_back(&plan);
    if (vae_encoder) list.push_back(&*vae_encoder);
    for (const auto& [kind, plan] : unet) list.push_back(&plan);
    list.push_back(&vae_decoder);
    return list;
  }
};

ComponentRequests component_requests(const diffusion::PictureRequest& request,
                                     const diffusion::PicturePlan& plan, const ModelInfo& info,
                                     const MemoryMeans& means);

}  // namespace tempera::api
