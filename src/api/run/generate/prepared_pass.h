#pragma once

#include "api/run/generate.h"
#include "api/run/generate/component_requests.h"
#include "diffusion/picture_plan.h"

namespace tempera::api {

// A pass over a batch before it runs. `request` is the caller's, and outlives it.
struct PreparedPass {
  const diffusion::PictureRequest& request;
  MemoryMeans means;
  diffusion::ModelSettings model;  // its tokenizer knows the request's embeddings
  diffusion::PicturePlan plan;
  ComponentRequests components;
};
Result<PreparedPass> prepare(Session& session, const diffusion::PictureRequest& request,
                             const MemoryMeans& means);

}  // namespace tempera::api
