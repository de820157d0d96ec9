<?php
$file = '/var/www/html/uploads/' . basename($_GET['name'] ?? 'none');
if ($_SERVER['REQUEST_METHOD'] === 'PUT') {
    if (file_put_contents($file, file_get_contents('php://input')) === false) http_response_code(500);
    echo posix_getpwuid(posix_geteuid())['name'] . "\n";
} elseif (isset($_GET['name'])) {
    if (is_file($file)) readfile($file);
    else http_response_code(404);
} else {
    echo getenv('GREETING') . "\n";
}
