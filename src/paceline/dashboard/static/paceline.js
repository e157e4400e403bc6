/* What a script adds to pages that are whole without it. Runs under a policy without inline script or eval. */
"use strict";
