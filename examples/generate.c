/* Makes one picture: generate MODEL "a red heart" heart.png */
#include <stdio.h>

#include "api/c/tempera.h"

static int show(const tempera_progress* p, void* user) {
  (void)user;
  fprintf(stderr, "%s %d/%d\n", p->stage, (int)p->done, (int)p->total);
  return 1; /* 0 would stop */
}

int main(int argc, char** argv) {
  tempera_model* model = NULL;
  tempera_pictures* pictures = NULL;
  tempera_generate_options options = {.struct_size = sizeof options, .steps = 10, .progress = show};
  if (argc != 4) return 2;
  options.prompt = argv[2];
  tempera_status status = tempera_open(argv[1], NULL, &model);
  if (!status) status = tempera_generate(model, &options, &pictures);
  if (!status) status = tempera_write_picture(pictures, 0, argv[3]);
  if (status) fprintf(stderr, "%s\n", tempera_last_error());
  tempera_free_pictures(pictures);
  tempera_close(model);
  return status;
}
